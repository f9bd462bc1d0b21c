"""Where the paper exchange's commands are kept: records of a journal of their own, snapshots beside them."""

from __future__ import annotations

from fillwright.core.events import Record, VenueRecorded
from fillwright.core.types import AccountId, Time
from fillwright.exchange.snapshot import SnapshotError
from fillwright.ports import Journal, Snapshot, VenueUnavailableError
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import decode, decode_setup, encode, encode_setup, name_of

PREFIX = "venue:"
"""Before the account's id, the id under which its paper exchange is journaled."""
SNAPSHOT_EVERY = 5_000
"""Commands from one snapshot to the next: what a restart does again at most."""
EXCHANGE_PART = "exchange"
SETUP_PART = "setup"


class PaperJournal:
    """The commands of one account's paper exchange, through ``ports.Journal``; it raises that port's StorageErrors."""

    def __init__(self, journal: Journal, account_id: AccountId, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        self.account_id = PREFIX + account_id
        self._journal = journal
        self._snapshot_every = snapshot_every
        self._snapshot_seq = 0
        self.seq = 0
        """The last command that is written."""

    def restore(self) -> PaperExchange | None:
        """The exchange as it was when its last command was written; None: there is none yet.

        A snapshot of another version is passed over: then every command is done again. VenueUnavailableError when the
        journal makes no exchange.
        """
        snapshot = self._journal.load_snapshot(self.account_id)
        try:
            exchange = None
            if snapshot is not None:
                exchange = _resumed(snapshot)
            self.seq = self._snapshot_seq = (
                snapshot.seq if snapshot is not None and exchange is not None else 0
            )
            for record in self._journal.load(self.account_id, self.seq):
                event = record.event
                if not isinstance(event, VenueRecorded):
                    raise ValueError(f"record {record.seq} is {type(event).__name__}")
                exchange = PaperExchange.perform(exchange, decode(event.data))
                exchange.drain()  # it was told, or is lost with the process
                self.seq = record.seq
        except ValueError as error:
            raise VenueUnavailableError(
                f"the paper exchange of {self.account_id.removeprefix(PREFIX)} cannot be restored: {error}"
            ) from error
        return exchange

    def write(self, exchange: PaperExchange, now: Time, *, durable: bool = False) -> None:
        """Write what the exchange has noted, in one transaction; none of it may be told before.

        A power cut may take it back until its customer's journal, in the same store, holds what the customer was told.
        ``durable`` is for what is told to others.
        """
        commands = exchange.commands
        if not commands:
            return
        records = [
            Record(seq, now, 0, VenueRecorded(name_of(command), encode(command)))
            for seq, command in enumerate(commands, self.seq + 1)
        ]
        self._journal.append(self.account_id, self.seq, records, durable=durable)
        self.seq += len(records)
        exchange.commands = []

    @property
    def snapshot_due(self) -> bool:
        """Whether a restart would have many commands to do again."""
        return self.seq - self._snapshot_seq >= self._snapshot_every

    def save_snapshot(self, exchange: PaperExchange, now: Time) -> None:
        """Write down the exchange as its last command left it, unless that was done; all of it has been written."""
        assert not exchange.commands
        if self.seq == self._snapshot_seq:
            return
        parts = {EXCHANGE_PART: exchange.dump(), SETUP_PART: encode_setup(exchange.setup)}
        self._journal.save_snapshot(self.account_id, Snapshot(self.seq, now, parts))
        self._snapshot_seq = self.seq


def _resumed(snapshot: Snapshot) -> PaperExchange | None:
    try:
        setup = decode_setup(snapshot.parts[SETUP_PART])
        return PaperExchange.resume(setup, snapshot.parts[EXCHANGE_PART])
    except SnapshotError:
        return None
