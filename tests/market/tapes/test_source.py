from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.tapes import source
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.source import (
    ByteStream,
    LineSkippingStream,
    Packing,
    head_of,
    line_at,
    lines_of,
    packing_of,
)
from tests.market.tapes.samples import PACKERS, written, zipped


@pytest.mark.parametrize(
    ("packing", "name"),
    [("", Packing.PLAIN), (".gz", Packing.GZIP), (".zst", Packing.ZSTD), (".zip", Packing.ZIP)],
)
def test_bytes_come_out_unpacked(tmp_path: Path, packing: str, name: Packing) -> None:
    path = written(tmp_path, PACKERS[packing](b"one\ntwo\n" * 1000))
    assert packing_of(path) is name
    stream = ByteStream(path)
    data = b""
    while block := stream.read(777):
        data += block
    assert data == b"one\ntwo\n" * 1000
    assert 0 < stream.consumed <= stream.total
    assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, False)
    stream.close()
    assert stream.closed
    assert stream.consumed == stream.total


def test_an_archive_must_hold_one_file(tmp_path: Path) -> None:
    import io
    import zipfile

    packed = io.BytesIO(zipped(b"x"))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("second.csv", b"y")
    with pytest.raises(TapeError, match="holds 2 files where one is expected"):
        ByteStream(written(tmp_path, packed.getvalue()))


@given(lines=st.integers(0, 12), last_ends=st.booleans(), block=st.integers(1, 9))
def test_skipping_lines_leaves_the_rest(
    tmp_path_factory: pytest.TempPathFactory, lines: int, last_ends: bool, block: int
) -> None:
    texts = [f"line {n}" * (n % 3) for n in range(8)]
    path = written(tmp_path_factory.getbasetemp(), "\n".join(texts) + "x" + ("\n" if last_ends else ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ByteStream.read, "__defaults__", (block,))
        stream = LineSkippingStream(ByteStream(path), lines)
        data = b""
        while piece := stream.read(5):
            data += piece
        stream.close()
    assert stream.closed
    assert stream.skipped == min(lines, 8)
    assert data == path.read_bytes().split(b"\n", lines)[-1] if lines < 8 else data == b""


def test_the_head_is_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "HEAD_BYTES", 10)
    assert head_of(written(tmp_path, b"one\r\ntwo\nthree")) == [b"one", b"two"]
    assert head_of(written(tmp_path, b"one\ntwo")) == [b"one", b"two"]
    assert head_of(written(tmp_path, b"a long first line\nand more\n")) == [b"a long first line"]
    monkeypatch.setattr(source, "LINE_BYTES_MAX", 20)
    with pytest.raises(TapeError, match=":1: longer than 20 bytes"):
        head_of(written(tmp_path, b"x" * 100))
    with pytest.raises(TapeError, match="is empty"):
        head_of(written(tmp_path, PACKERS[".gz"](b"")))


def test_lines_are_numbered_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ByteStream.read, "__defaults__", (4,))
    assert list(lines_of(ByteStream(written(tmp_path, b"a\nbb\n\nlast")))) == [
        (1, b"a"),
        (2, b"bb"),
        (3, b""),
        (4, b"last"),
    ]
    monkeypatch.setattr(source, "LINE_BYTES_MAX", 20)
    with pytest.raises(TapeError, match=":2: longer than 20 bytes"):
        list(lines_of(ByteStream(written(tmp_path, b"a\n" + b"x" * 100))))


def test_a_line_can_be_fetched_again(tmp_path: Path) -> None:
    path = written(tmp_path, PACKERS[".zst"](b"one\ntwo\r\nthree"))
    assert [line_at(path, number) for number in (1, 2, 3, 4)] == [b"one", b"two", b"three", b""]
    assert line_at(tmp_path / "absent", 1) == b""
