"""Cursors: where a listing goes on, as opaque text."""

from __future__ import annotations

import base64
import binascii

import msgspec

from fillwright.ports import CursorError

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[str, tuple[int | str, ...]])
CURSOR_LENGTH_MAX = 200


def write_cursor(listing: str, key: tuple[int | str, ...]) -> str:
    """Name the last row of a page."""
    return base64.urlsafe_b64encode(_ENCODER.encode((listing, key))).decode().rstrip("=")


def read_cursor(listing: str, cursor: str, kinds: tuple[type, ...]) -> tuple[int | str, ...]:
    """Read a cursor back; CursorError when this listing did not write it."""
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError(cursor)
        name, key = _DECODER.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise CursorError(f"{cursor!r:.60} is not a cursor") from None
    if name != listing or tuple(type(part) for part in key) != kinds:
        raise CursorError(f"{cursor!r:.60} is not a cursor of {listing}")
    return key
