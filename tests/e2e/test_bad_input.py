"""Bad input gets one clear line on standard error and exit code 2; nothing half written is left."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fillwright.cli import app

TAPE = "BTCUSDT-trades-2026-11-20.csv"
FIRST_MS = 1_795_168_800_000


def row(number: int, **changes: object) -> str:
    fields: dict[str, object] = {
        "id": number,
        "price": "60000.01",
        "quantity": "0.00100",
        "quote": "60.0",
        "time": FIRST_MS + 100 * number,
        "maker": True,
        "best": True,
    }
    return ",".join(str(value) for value in {**fields, **changes}.values())


def tape_with(**changes: object) -> Callable[[Path], None]:
    """A tape whose third row has something wrong."""

    def write(path: Path) -> None:
        rows = [row(number) for number in range(1, 6)]
        rows[2] = row(3, **changes)
        path.write_text("\n".join(rows) + "\n")

    return write


def cut(path: Path) -> None:
    data = gzip.compress("\n".join(row(number) for number in range(1, 5_000)).encode())
    path.write_bytes(data[: len(data) // 2])


def broken(path: Path) -> None:
    data = bytearray(gzip.compress("\n".join(row(number) for number in range(1, 5_000)).encode()))
    data[len(data) // 2] ^= 0xFF
    data[len(data) // 2 + 1] ^= 0xFF
    path.write_bytes(bytes(data))


def good(path: Path) -> None:
    path.write_text("\n".join(row(number) for number in range(1, 200)) + "\n")


BAD_TAPES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "a folder": (lambda path: path.mkdir(), "directory"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "header only": (lambda path: path.write_text("id,price,qty,quoteQty,time,isBuyerMaker\n"), "no rows"),
    "no tape": (lambda path: path.write_text("Dear diary, today\n"), "unknown format"),
    "unsorted": (tape_with(time=FIRST_MS), ":3"),
    "negative price": (tape_with(price="-1"), ":3"),
    "price of zero": (tape_with(price="0"), ":3"),
    "price that is none": (tape_with(price="NaN"), ":3"),
    "price beyond all": (tape_with(price="1e400"), ":3"),
    "price too precise": (tape_with(price="60000.0123456789"), ":3"),
    "quantity too precise": (tape_with(quantity="0.0000000001"), ":3"),
    "negative quantity": (tape_with(quantity="-0.1"), ":3"),
    "row cut short": (lambda path: path.write_text("\n".join([row(1), row(2), "3,600"])), ":3"),
    "gzip cut short": (cut, "truncated gzip"),
    "gzip broken": (broken, "broken gzip"),
}


def run(*words: object) -> tuple[int, str, str]:
    """The command line in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app([str(word) for word in words], standalone_mode=True)
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def assert_refused(answer: tuple[int, str, str], *parts: str) -> None:
    code, out, err = answer
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for part in parts:
        assert part.lower() in err.lower(), err


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", BAD_TAPES)
def test_bad_tape(tmp_path: Path, name: str) -> None:
    write, expected = BAD_TAPES[name]
    tape = tmp_path / (TAPE + (".gz" if name.startswith("gzip") else ""))
    write(tape)
    assert_refused(run("replay", "--tape", tape, "--out", "out"), TAPE, expected)
    assert not list(tmp_path.glob("out/*"))


SIGNAL = {"symbol": "BTCUSDT", "created_at": (FIRST_MS + 5_000) * 1000, "stop_loss": "59000"}
BAD_SIGNALS = {
    "missing": (None, "no such file"),
    "empty": ("", "no signals"),
    "no JSON": ("{", ":1: not JSON"),
    "price that is none": (json.dumps({**SIGNAL, "stop_loss": "NaN"}), ":1: stop_loss"),
    "price beyond all": ('{"symbol": "BTCUSDT", "created_at": 1, "stop_loss": 1e400}', ":1: stop_loss"),
    "negative": (json.dumps({**SIGNAL, "stop_loss": "-1"}), ":1: stop_loss must be more than zero"),
    "too precise": (json.dumps({**SIGNAL, "stop_loss": "1." + "1" * 40}), ":1: stop_loss"),
    "later line": (json.dumps(SIGNAL) + "\n" + json.dumps({**SIGNAL, "side": "up"}), ":2: side"),
}


@pytest.mark.parametrize("name", BAD_SIGNALS)
def test_bad_signals(tmp_path: Path, name: str) -> None:
    good(tmp_path / TAPE)
    text, expected = BAD_SIGNALS[name]
    if text is not None:
        (tmp_path / "signals.jsonl").write_text(text)
    answer = run("replay", "--tape", TAPE, "--signals", "signals.jsonl", "--out", "out")
    assert_refused(answer, "signals.jsonl", expected)
    assert not list(tmp_path.glob("out/*"))


def test_a_tape_that_breaks_late_takes_its_journal_along(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 60_000)]
    rows[-2] = row(0)
    (tmp_path / TAPE).write_text("\n".join(rows) + "\n")
    assert_refused(run("replay", "--tape", TAPE, "--out", "out"), ":59998")
    assert not list(tmp_path.glob("out/*"))


BAD_SETTINGS = {
    "unknown key": ("[risk]\nmax_postions = 3\n", "did you mean risk.max_positions"),
    "out of range": ("[risk]\nmax_positions = -1\n", "max_positions"),
    "no number": ('[paper]\ninitial_balance = "much"\n', "initial_balance"),
    "beyond all": ("[paper]\ninitial_balance = 1e400\n", "initial_balance"),
    "no TOML": ("[risk\n", "settings.toml"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings(tmp_path: Path, name: str) -> None:
    good(tmp_path / TAPE)
    text, expected = BAD_SETTINGS[name]
    (tmp_path / "settings.toml").write_text(text)
    assert_refused(run("replay", "--tape", TAPE, "--config", "settings.toml", "--out", "out"), expected)
    assert not (tmp_path / "out").exists()


BAD_WORDS: dict[str, tuple[list[str], str]] = {
    "unknown symbol": (["--symbol", "NOSUCHUSDT"], "NOSUCHUSDT"),
    "symbol that is not on the tape": (["--symbol", "ETHUSDT"], "ETHUSDT"),
    "trader that is not there": (["--trader", "nothing:Here"], "nothing"),
    "trader of no class": (["--trader", "json:dumps"], "json:dumps"),
    "exchange info that is not there": (["--exchange-info", "info.json"], "info.json"),
    "settings that are not there": (["--config", "none.toml"], "none.toml"),
    "two tapes where one is missing": (["--tape", "other.csv"], "other.csv"),
}


@pytest.mark.parametrize("name", BAD_WORDS)
def test_bad_words(tmp_path: Path, name: str) -> None:
    good(tmp_path / TAPE)
    words, expected = BAD_WORDS[name]
    assert_refused(run("replay", "--tape", TAPE, "--out", "out", *words), expected)
    assert not list(tmp_path.glob("out/*"))


def test_an_earlier_run_is_left_alone_by_a_tape_that_cannot_be_opened(tmp_path: Path) -> None:
    good(tmp_path / TAPE)
    assert run("replay", "--tape", TAPE, "--out", "out", "--quiet")[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert_refused(run("replay", "--tape", "missing.csv", "--out", "out"), "missing.csv")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
