"""What a batch has done to the engine, made durable and then let out: journal, effects, read models, answers, feed.

Nothing leaves before the journal has it. When it cannot be written nothing has taken place: effects are withheld, who
asked is told so, and the engine, whose state is ahead of the journal now, must be thrown away. Only the cancels of
working entries that an emergency stop wants go out all the same: cancelling has priority over recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fillwright.core.context import Answer
from fillwright.core.effects import Effect, Send
from fillwright.core.engine import Engine, Step
from fillwright.core.events import Record
from fillwright.core.inputs import EmergencyStop, Input
from fillwright.core.requests import CancelListRequest, CancelRequest
from fillwright.core.types import AccountId, Time
from fillwright.ports import Journal, Projection, SeqConflictError, StorageError
from fillwright.runtime.errors import NotStoredError
from fillwright.runtime.feed import Feed
from fillwright.runtime.inbox import Asked, Reply
from fillwright.runtime.recovery import record_trouble

DONE = Answer(ok=True)
"""What is said of an input that has no answer of its own."""
RECORDED = "it was recorded, look for its outcome (a signal with its key is answered again)"
NOTHING = "nothing of it took place"


class Committer:
    """Steps one engine and commits its steps, batch by batch; ``carry_out`` lets effects leave (True: some did)."""

    def __init__(
        self,
        engine: Engine,
        account_id: AccountId,
        journal: Journal,
        projection: Projection,
        feed: Feed,
        carry_out: Callable[[Sequence[Effect]], bool],
    ) -> None:
        self.engine = engine
        self.seq = engine.state.seq
        """The last record that the journal has."""
        self.owed: list[Asked] = []
        """Emergency stops that could not be recorded."""
        self.stops: list[Asked] = []
        """Emergency stops of this batch, and the cancels that they want at once."""
        self.urgent: list[Send] = []
        self._account_id = account_id
        self._journal = journal
        self._projection = projection
        self._feed = feed
        self._carry_out = carry_out
        self._records: list[Record] = []
        self._unobserved: list[Record] = []
        self._effects: list[Effect] = []
        self._asked: list[tuple[Reply, Answer]] = []
        self.is_recorded = False
        """Whether the journal has the batch under way."""

    # -- stepping --------------------------------------------------------------------------------------------

    def step(self, *items: Input, now: Time, reply: Reply | None = None) -> None:
        """Let inputs happen; whoever asked is answered when that is committed."""
        self._observe()
        if reply is not None:
            self._asked.append((reply, DONE))
        step = self.engine.step(*items, now=now)
        if type(items[0]) is EmergencyStop:
            self.stops.append((items[0], reply))
            self.urgent += cancels_of_entries(self.engine, step)
        if reply is not None and step.answer is not None:
            self._asked[-1] = (reply, step.answer)
        self._take(step)

    def note(self, where: str, what: str, now: Time) -> None:
        """Record that something went wrong outside of the core."""
        self._observe()
        self._take(record_trouble(self.engine, where, what, now))

    def _take(self, step: Step) -> None:
        self._unobserved = step.records
        if self._records:
            self._records += step.records
        else:
            self._records = step.records
        self._effects += step.effects

    def _observe(self) -> None:
        """Show the read models a step while the state is as the step left it."""
        if self._unobserved:
            self._projection.observe(self._unobserved, self.engine.ledger)
            self._unobserved = []

    # -- committing ------------------------------------------------------------------------------------------

    async def commit(self) -> None:
        """Let all that was stepped become true for the world, in this module's order.

        Raises SeqConflictError when somebody else writes the journal, and other StorageErrors; whoever asked has been
        told then, and this object and its engine are of no more use.
        """
        records = self._records
        try:
            if records:
                self._journal.append(self._account_id, self.seq, records)
                self.seq = records[-1].seq
            self.is_recorded = True
            if self._effects and self._carry_out(self._effects):
                await asyncio.sleep(0)  # they leave now, the read models can wait
            if records:
                self._observe()
                self._projection.flush()
        except StorageError as error:
            self.owed = self.abandon(str(error))
            raise
        for reply, answer in self._asked:
            if not reply.done():  # who asked may have gone
                reply.set_result(answer)
        if records:
            self._feed.publish(records)
        self._records, self._effects, self._asked = [], [], []
        self.is_recorded = False
        if self.stops:
            self.stops, self.urgent = [], []

    def abandon(self, reason: str) -> list[Asked]:
        """This batch will not be committed, or nobody knows any more who asked: tell them.

        Emergency stops that are not recorded are given back: they are owed.
        """
        recorded = self.is_recorded
        owed = [] if recorded else self.stops
        waiting = [reply for _, reply in owed]
        outcome = RECORDED if recorded else NOTHING
        for reply, _ in self._asked:
            if not reply.done() and reply not in waiting:
                reply.set_exception(NotStoredError(f"{outcome}: {reason}", recorded=recorded))
        self._asked, self.stops = [], []
        return owed


def may_cancel_unrecorded(error: StorageError) -> bool:
    """Whether an emergency stop's cancels go out although it could not be recorded: not when another process trades."""
    return not isinstance(error, SeqConflictError)


def cancels_of_entries(engine: Engine, step: Step) -> list[Send]:
    """The cancels of working entries and manual orders among an emergency stop's effects (of nothing that protects)."""
    answer, orders = step.answer, engine.state.orders
    targets = [orders[name] for name in answer.orders] if answer is not None else []
    ids = {order.id for order in targets} | {order.list_id for order in targets if order.list_id}
    numbers = {(order.symbol, order.exchange_order_id) for order in targets if order.exchange_order_id}
    lists = {(order.symbol, order.order_list_id) for order in targets if order.order_list_id >= 0}
    found = []
    for effect in step.effects:
        if not isinstance(effect, Send):
            continue
        request = effect.request
        if isinstance(request, CancelRequest):
            is_target = request.orig_client_order_id in ids or (request.symbol, request.order_id) in numbers
        elif isinstance(request, CancelListRequest):
            is_target = (
                request.list_client_order_id in ids or (request.symbol, request.order_list_id) in lists
            )
        else:
            is_target = False
        if is_target:
            found.append(effect)
    return found
