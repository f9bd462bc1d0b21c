from __future__ import annotations

from pathlib import Path

from fillwright.binance.ban_file import BAN_LONGEST, Ban, BanFile
from fillwright.core.types import DAY, MINUTE

NOW = 1_795_168_800_000_000
BAN = Ban(NOW + MINUTE, 418, "Way too much request weight used")


def test_a_ban_is_read_back_until_it_is_over(tmp_path: Path) -> None:
    BanFile(tmp_path / "ban.json").write(BAN)
    file = BanFile(tmp_path / "ban.json")
    assert file.read(NOW) == BAN
    assert file.read(BAN.until) is None
    assert file.problem == ""
    assert [one.name for one in tmp_path.iterdir()] == ["ban.json"]


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    file = BanFile(tmp_path / "ban.json")
    assert file.read(NOW) is None
    assert file.problem == ""


def test_a_damaged_file_is_reported_and_no_ban(tmp_path: Path) -> None:
    file = BanFile(tmp_path / "ban.json")
    file.path.write_text('{"until": ')
    assert file.read(NOW) is None
    assert "ban.json" in file.problem


def test_what_cannot_be_written_is_reported(tmp_path: Path) -> None:
    file = BanFile(tmp_path / "nowhere" / "ban.json")
    file.write(BAN)
    assert "No such file" in file.problem


def test_a_time_out_of_reason_is_cut(tmp_path: Path) -> None:
    file = BanFile(tmp_path / "ban.json")
    file.write(Ban(NOW + 400 * DAY, 418))
    held = file.read(NOW)
    assert held is not None
    assert held.until == NOW + BAN_LONGEST
