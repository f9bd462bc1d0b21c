"""Keys from a file, straight to the exchange; the stop itself is in tests/venues/test_keys_only_stop.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.bootstrap import keys_stop as module
from fillwright.bootstrap import stop_by_keys
from fillwright.config import ConfigError
from fillwright.options import BadInputError, KeysStopOptions

CANARY = "canary9d21b7"


def options_of(tmp_path: Path, text: str, **changes: object) -> KeysStopOptions:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    return KeysStopOptions(keys=path, url="http://127.0.0.1:1", watch_s=0, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "[testnet]\napi_key = 'a'\n", f"api_key = ['{CANARY}']\n", f"api_key = '{CANARY}'\n", "[risk]\n"],
)
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stop_by_keys(options_of(tmp_path, text))
    assert CANARY not in caught.value.explain()


def test_a_key_that_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = f"[mainnet]\napi_key = 'a'\nprivate_key = '-----BEGIN {CANARY}'\n"
    with pytest.raises(BadInputError) as caught:
        stop_by_keys(options_of(tmp_path, text))
    assert CANARY not in str(caught.value)


def test_an_exchange_that_is_not_there_is_told_as_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hasty(module.KeysOnlyStop):
        def __init__(self, *words: object, **more: object) -> None:
            super().__init__(*words, **{**more, "work_max_s": 0.3})  # type: ignore[arg-type]

    monkeypatch.setattr(module, "KeysOnlyStop", Hasty)
    report = stop_by_keys(options_of(tmp_path, f"api_key = 'a'\nsecret = '{CANARY}'\n"))
    assert (report.where, report.is_clean) == ("http://127.0.0.1:1", False)
    assert report.left[0][0] == "open orders"
    assert CANARY not in repr(report)


@pytest.mark.filterwarnings("default")  # ccxt's own
def test_another_exchange_is_stopped_through_ccxt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(module.CcxtKeysStop):
        def __init__(self, *words: object, **more: object) -> None:
            super().__init__(*words, **{**more, "work_max_s": 0.3})  # type: ignore[arg-type]

    monkeypatch.setattr(module, "CcxtKeysStop", Hasty)
    urls = "{ public = 'http://127.0.0.1:1', private = 'http://127.0.0.1:1' }"
    text = (
        f"[testnet]\napi_key = 'a'\nsecret = '{CANARY}'\nthrough = 'ccxt'\n"
        f"exchange = 'binanceus'\nccxt_urls = {urls}\n"
    )
    report = stop_by_keys(options_of(tmp_path, text))
    assert (report.where, report.is_clean) == ("binanceus, through ccxt", False)
    assert report.left[0][0] == "open orders"
    assert CANARY not in repr(report)
