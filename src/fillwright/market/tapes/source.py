"""A tape file as a stream of plain bytes: zip, gzip, zstd or none, truncation noticed, progress in file bytes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from enum import StrEnum, unique
from pathlib import Path
from typing import Any

import pyarrow as pa

from fillwright.market.tapes.errors import TapeError

HEAD_BYTES = 256 << 10
"""How much of a file is looked at to tell its format."""
BLOCK_BYTES = 1 << 20
LINE_BYTES_MAX = 16 << 20
"""A depth snapshot of 5,000 levels a side has 0.3 MB."""


@unique
class Packing(StrEnum):
    """How a file is packed, by its first bytes."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    ZIP = "zip"
    PARQUET = "parquet"
    FEATHER = "feather"


_MAGIC = (
    (b"\x1f\x8b", Packing.GZIP),
    (b"\x28\xb5\x2f\xfd", Packing.ZSTD),
    (b"PK\x03\x04", Packing.ZIP),
    (b"PAR1", Packing.PARQUET),
    (b"ARROW1", Packing.FEATHER),
)
_NOT_READ = (
    (b"FEA1", "is a Feather file of version 1; version 2 is read"),
    (b"BZh", "is packed with bzip2; gzip, zstd and zip are read"),
    (b"\xfd7zXZ", "is packed with xz; gzip, zstd and zip are read"),
    (b"SQLite format 3", "is a database, not a tape"),
)


def packing_of(path: Path) -> Packing:
    """Tell how a file is packed; TapeError when it is missing, empty, a folder or of a kind that is not read."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise TapeError(path, (error.strerror or str(error)).lower()) from error
    if not start:
        raise TapeError(path, "is empty")
    for magic, what in _NOT_READ:
        if start.startswith(magic):
            raise TapeError(path, what)
    return next((packing for magic, packing in _MAGIC if start.startswith(magic)), Packing.PLAIN)


class ByteStream:
    """Plain bytes of a file from its start; any trouble in reading is a TapeError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packing = packing_of(path)
        self.total = path.stat().st_size
        self._raw: Any = None
        self._stream: Any = None
        try:
            if self.packing is Packing.ZIP:
                self._raw = path.open("rb")
                self._stream = self._member(zipfile.ZipFile(self._raw))
            else:
                self._raw = pa.OSFile(str(path))
                packed = self.packing in (Packing.GZIP, Packing.ZSTD)
                self._stream = (
                    pa.CompressedInputStream(self._raw, self.packing.value) if packed else self._raw
                )
        except (OSError, zipfile.BadZipFile, TapeError) as error:
            if self._raw is not None:
                self._raw.close()
            if isinstance(error, TapeError):
                raise
            raise self._broken(error) from error

    def _member(self, archive: zipfile.ZipFile) -> Any:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise TapeError(self.path, f"holds {len(members)} files where one is expected")
        return archive.open(members[0])

    def _broken(self, error: BaseException) -> TapeError:
        text = str(error).rstrip(".")
        cut = isinstance(error, EOFError) or "truncated" in text.lower() or "not a zip file" in text.lower()
        state = "truncated" if cut else "broken"
        return TapeError(self.path, f"{state} {self.packing} data ({text or 'it ends too early'})")

    @property
    def consumed(self) -> int:
        """Bytes of the file read so far."""
        return self.total if self._raw.closed else int(self._raw.tell())

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return bool(self._raw.closed)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """The next bytes, fewer than asked for only at the end."""
        try:
            data = self._stream.read(size if size >= 0 else None)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise self._broken(error) from error
        return bytes(data)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    def readable(self) -> bool:
        """Arrow asks."""
        return True

    def writable(self) -> bool:
        """Arrow asks."""
        return False

    def seekable(self) -> bool:
        """Arrow asks."""
        return False


class LineSkippingStream:
    """A byte stream without its first lines: resuming inside a text costs its decompression, no parsing."""

    def __init__(self, stream: ByteStream, lines: int) -> None:
        self.stream = stream
        self.skipped = 0
        self._rest = b""
        last = b"\n"
        while self.skipped < lines:
            block = stream.read()
            if not block:
                self.skipped += last != b"\n"  # a last line without its end
                return
            last = block[-1:]
            count = block.count(b"\n")
            if self.skipped + count < lines:
                self.skipped += count
                continue
            position = 0
            for _ in range(lines - self.skipped):
                position = block.index(b"\n", position) + 1
            self.skipped = lines
            self._rest = block[position:]

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._rest:
            part = self._rest if size < 0 else self._rest[:size]
            self._rest = self._rest[len(part) :]
            return part
        return self.stream.read(size)

    def close(self) -> None:
        """Close the file."""
        self.stream.close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self.stream.closed

    def readable(self) -> bool:
        """Arrow asks."""
        return True

    def writable(self) -> bool:
        """Arrow asks."""
        return False

    def seekable(self) -> bool:
        """Arrow asks."""
        return False


def head_of(path: Path) -> list[bytes]:
    """The first whole lines of a text, without line ends: HEAD_BYTES of it, more only for a longer first line."""
    stream = ByteStream(path)
    try:
        head = stream.read(HEAD_BYTES)
        whole = len(head) < HEAD_BYTES
        while not whole and b"\n" not in head and len(head) < LINE_BYTES_MAX:
            more = stream.read(HEAD_BYTES)
            head, whole = head + more, not more
    finally:
        stream.close()
    if not head:
        raise TapeError(path, "is empty")
    lines = head.split(b"\n")
    if not whole or not lines[-1]:
        lines.pop()
    if not lines:
        raise TapeError(path, f"longer than {LINE_BYTES_MAX} bytes", line=1)
    return [line.rstrip(b"\r") for line in lines]


def lines_of(stream: ByteStream, first_line: int = 1) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line; TapeError for one longer than LINE_BYTES_MAX."""
    number, rest = first_line, b""
    while block := stream.read():
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > LINE_BYTES_MAX:
            raise TapeError(stream.path, f"longer than {LINE_BYTES_MAX} bytes", line=number + len(lines))
        for line in lines:
            yield number, line
            number += 1
    if rest:
        yield number, rest


def line_at(path: Path, number: int) -> bytes:
    """One line of a text again, to show what is wrong with it; empty when it cannot be read."""
    try:
        stream = ByteStream(path)
        try:
            skipping = LineSkippingStream(stream, number - 1)
            text = io.BytesIO()
            while b"\n" not in text.getvalue() and text.tell() < LINE_BYTES_MAX:
                block = skipping.read(1 << 16)
                if not block:
                    break
                text.write(block)
            return text.getvalue().split(b"\n", 1)[0].rstrip(b"\r")
        finally:
            stream.close()
    except TapeError:
        return b""
