"""What a venue that lives in this process writes down: its own books, in a journal of their own."""

from __future__ import annotations

from fillwright.core.events.base import Event


class VenueRecorded(Event, frozen=True):
    """The paper exchange was asked or told something; its own journal (`venue:` and the account) holds nothing else."""

    name: str
    """What: opened, configured, reopened, executed, traded, quoted, deepened, phased, transferred."""
    data: bytes
    """All that the exchange needs to do the same again (MessagePack)."""
