from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from fillwright.commands.service import Wishes, doorway, print_up, run, service_config, up_json
from tests.commands.fake import FakeServices


def test_only_what_was_said_overrides() -> None:
    assert Wishes().overrides() == {}
    assert Wishes(port=0, feed="synthetic").overrides() == {"server.port": 0, "market.feed": "synthetic"}
    assert Wishes(tapes=(Path("a"),), feed="auto").overrides()["market.feed"] == "auto"


def test_a_known_token_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    up = msgspec.structs.replace(FakeServices().up, token=None, code=None, warnings=("mind the gap",))
    print_up(up)
    text = capsys.readouterr().out
    assert "http://127.0.0.1:8080/\n" in text
    assert "Token" not in text
    assert "mind the gap" in text
    assert up_json(up)["token"] is None


@pytest.mark.parametrize("json_wanted", [True, False])
def test_the_service_goes_on_when_nobody_reads_what_it_prints(
    json_wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout", Gone())
    services = FakeServices()
    run(services, (), Wishes(), json_wanted=json_wanted, open_page=False)


def test_the_way_to_the_page_is_a_private_file(tmp_path: Path) -> None:
    up = msgspec.structs.replace(FakeServices().up, data=tmp_path)
    for _ in range(2):
        path = doorway(up)
        assert path.stat().st_mode & 0o777 == 0o600
        assert "#once=the-code" in path.read_text()
        assert "the-new-token" not in path.read_text()


def test_the_way_to_the_page_is_gone_when_the_service_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    services = FakeServices()
    services.up = msgspec.structs.replace(services.up, data=tmp_path)
    opened: list[bool] = []
    monkeypatch.setattr(
        "fillwright.commands.service.show_in_browser", lambda path: opened.append(path.exists())
    )
    run(services, (), Wishes(), json_wanted=False, open_page=True)
    assert opened == [True]
    assert list(tmp_path.iterdir()) == []


def test_the_data_folder_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert service_config((), Path("x")).data.dir == Path("x")
    assert service_config(()).data.dir == Path("data")
