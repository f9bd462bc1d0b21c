"""The run of a stage against a service that is played by hand: what is sent, what ends it, what it goes on from."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fillwright.answers import JudgementShape, QuoteShape, RolloutAnswer, StageShape
from fillwright.client import Client, ClientError
from fillwright.commands import rollout_trades as module
from fillwright.commands.rollout_trades import SHAPES, Outcome, RolloutWish, Run, Shape, signal_of, stage_of
from fillwright.core.rollout import STAGES
from fillwright.core.types import Mode
from fillwright.options import BadInputError

ASK = Decimal("50000.01")
QUOTE = QuoteShape("BTCUSDT", Decimal(50_000), ASK, ASK, 1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    for name in ("LOOK_S", "APART_S", "DENIED_PAUSE_S"):
        monkeypatch.setattr(module, name, 0.0)
    for name in ("READY_MAX_S", "PRICE_MAX_S", "PROTECTED_MAX_S", "CLOSED_MAX_S", "JUDGED_MAX_S"):
        monkeypatch.setattr(module, name, 0.02)


class Played:
    """A service: positions open, are protected, close and are judged as the test has it."""

    def __init__(self, mode: Mode = Mode.TESTNET, clean: int = 0) -> None:
        self.mode, self.clean, self.unclean = mode, clean, 0
        self.signals: list[dict[str, Any]] = []
        self.switched: list[tuple[str, dict[str, Any]]] = []
        self.closed: list[int] = []
        self.positions_: dict[int, SimpleNamespace] = {}
        self.judged: list[JudgementShape] = []
        self.prices: list[QuoteShape] = [QUOTE]
        self.is_ready = True
        self.denials: list[str] = []
        self.outcomes: list[str] = []
        """Of the next trades: unfilled, dust, unjudged, unclosable, or a reason against it; then all are clean."""

    async def rollout(self) -> RolloutAnswer:
        def stage(mode: Mode) -> StageShape:
            is_mine = mode is Mode.TESTNET
            return StageShape(
                mode=mode,
                configured=is_mine,
                clean_trades=self.clean if is_mine else 0,
                unclean_trades=self.unclean if is_mine else 0,
                needed=10,
                complete=is_mine and self.clean >= 10,
                cap=None,
                lifted_by=None,
                lifted_reason=None,
                lifted_at=None,
                overridden_by=None,
                override_reason=None,
                judged=tuple(self.judged) if is_mine else (),
            )

        return RolloutAnswer(self.mode, tuple(stage(mode) for mode in STAGES))

    async def switch_mode(self, mode: str, **more: Any) -> Mode:
        self.switched.append((mode, more))
        self.mode = Mode(mode)
        return self.mode

    async def status(self) -> Any:
        return SimpleNamespace(ready=self.is_ready, stream=SimpleNamespace(state="connected"))

    async def quotes(self) -> Any:
        return SimpleNamespace(quotes=tuple(self.prices))

    async def send_signal(self, signal: dict[str, Any], key: str) -> Any:
        self.signals.append(signal)
        if self.denials:
            return SimpleNamespace(status="denied", code=self.denials.pop(0), message="so it is", id=7)
        number = len(self.positions_) + 1
        outcome = self.outcomes.pop(0) if self.outcomes else ""
        self.add(number, "failed" if outcome == "unfilled" else "open", outcome)
        return SimpleNamespace(status="entering", code=None, message="", id=number, position_id=number)

    def add(self, number: int, status: str, outcome: str = "") -> None:
        self.positions_[number] = SimpleNamespace(
            id=number, symbol="BTCUSDT", status=status, plan="opoco", unprotected_ms=Decimal("0.5"),
            stop_loss_order_id="stop", outcome=outcome,
        )  # fmt: skip

    async def position(self, number: int) -> Any:
        return self.positions_[number]

    async def positions(self, **_: Any) -> Any:
        return SimpleNamespace(items=tuple(self.positions_.values()))

    async def order(self, name: str) -> Any:
        return SimpleNamespace(state="New")

    async def close_position(self, number: int, reason: str, *, key: str) -> None:
        position = self.positions_[number]
        if position.outcome == "unclosable":
            raise ClientError("REFUSED", "it cannot be")
        position.status = "closed"
        self.closed.append(number)
        if position.outcome in ("unjudged", "dust"):
            return
        reasons = (position.outcome,) if position.outcome else ()
        self.judged.append(JudgementShape(number, "BTCUSDT", not reasons, reasons, 1))
        if reasons:
            self.unclean += 1
        else:
            self.clean += 1

    async def trade(self, number: int) -> Any:
        sold = Decimal(0 if self.positions_[number].outcome == "dust" else 1)
        return SimpleNamespace(
            quantity=Decimal("0.0003"), exit_quantity=sold, entry_price=ASK, exit_price=Decimal(50_000)
        )


def ran(played: Played, **wish: Any) -> tuple[Outcome, list[str]]:
    """What the run came to, and what it told."""
    told: list[str] = []
    made = Run(cast(Client, played), RolloutWish(**{"stage": "testnet", **wish}), Decimal(15), told.append)
    return asyncio.run(made.all()), told


def test_a_stage_is_made_complete_by_trades_of_every_shape() -> None:
    played = Played()
    outcome, told = ran(played)
    assert (outcome.complete, outcome.clean_trades, outcome.stopped) == (True, 10, None)
    assert len(outcome.trades) == len(told) == 10
    assert [("entry" in one, "take_profit" in one) for one in played.signals[:3]] == [
        (False, True),
        (True, True),
        (False, False),
    ]
    assert told[0].startswith(
        "1/10 BTCUSDT (market entry, stop and target; opoco): bought 0.0003 at 50000.01"
    )
    assert told[0].endswith("clean")


def test_it_goes_on_where_it_was_broken_off() -> None:
    played = Played(clean=8)
    outcome, told = ran(played)
    assert (outcome.complete, len(outcome.trades)) == (True, 2)
    assert told[0].startswith("9/10 ")


def test_what_an_earlier_run_left_open_is_closed_first() -> None:
    played = Played(clean=9)
    played.add(1, "open")
    outcome, told = ran(played)
    assert (played.closed, played.signals, outcome.complete) == ([1], [], True)
    assert "earlier run" in told[0]


def test_a_stage_that_is_complete_is_left_alone() -> None:
    played = Played(Mode.PAPER, clean=10)
    outcome, told = ran(played)
    assert (outcome.complete, outcome.trades, told, played.switched) == (True, (), [], [])


def test_the_service_is_switched_to_the_stage_with_what_was_said() -> None:
    played = Played(Mode.PAPER, clean=9)
    outcome, told = ran(played, override="known", accept_unverified_key=True)
    assert outcome.complete
    more = {"confirmed": True, "accept_unverified_key": True, "override_rollout": "known"}
    assert played.switched == [("testnet", more)]
    assert told[0] == "The service is in testnet mode now."


def test_the_first_trade_that_is_not_clean_ends_it_with_the_reason() -> None:
    played = Played()
    played.outcomes = ["", "it had no live stop for 2000 ms"]
    outcome, told = ran(played)
    assert (outcome.complete, outcome.clean_trades, len(outcome.trades)) == (False, 1, 2)
    assert outcome.stopped == "position 2 was not clean: it had no live stop for 2000 ms"
    assert told[-1].endswith("NOT CLEAN: it had no live stop for 2000 ms")


def test_an_entry_that_bought_nothing_is_tried_again_and_not_for_ever() -> None:
    played = Played(clean=9)
    played.outcomes = ["unfilled", "dust"]
    outcome, told = ran(played)
    assert outcome.complete
    assert len(outcome.trades) == 1
    assert "nothing was bought" in told[0]
    played = Played(clean=9)
    played.outcomes = ["unfilled"] * 3
    outcome, _ = ran(played)
    assert outcome.stopped is not None
    assert "is BTCUSDT liquid there?" in outcome.stopped


def test_a_denial_that_passes_is_waited_for_and_another_one_ends_it() -> None:
    played = Played(clean=9)
    played.denials = ["ORDER_RATE", "QUOTE_STALE"]
    assert ran(played)[0].complete
    for denials in (("POSITIONS_MAX",), ("ORDER_RATE",) * 99):
        played = Played(clean=9)
        played.denials = [*denials]
        stopped = ran(played)[0].stopped
        assert stopped == f"the signal was denied by {denials[0]} (so it is); `fillwright why 7` tells more"
        assert len(played.signals) <= module.DENIED_MAX


@pytest.mark.parametrize(
    ("outcome", "said"), [("unjudged", "is not judged yet"), ("unclosable", "cannot be closed: it cannot be")]
)
def test_what_does_not_come_to_its_end_ends_the_run(outcome: str, said: str) -> None:
    played = Played(clean=9)
    played.outcomes = [outcome]
    stopped = ran(played)[0].stopped
    assert stopped is not None
    assert said in stopped


def test_a_service_that_is_not_ready_or_without_a_price_is_said_to_be_so() -> None:
    played = Played()
    played.is_ready = False
    assert "not ready" in (ran(played)[0].stopped or "")
    played = Played()
    played.prices = []
    assert "no price of any symbol" in (ran(played)[0].stopped or "")
    assert "no price of XRPUSDT" in (ran(Played(), symbol="xrpusdt")[0].stopped or "")


def test_another_symbol_is_traded_where_the_favourite_is_not_there() -> None:
    played = Played(clean=9)
    played.prices = [QuoteShape("ETHUSDT", Decimal(3_000), Decimal(3_001), Decimal(3_001), 1)]
    ran(played)
    assert played.signals[0]["symbol"] == "ETHUSDT"


def test_a_signal_has_its_levels_around_the_price() -> None:
    made = signal_of(QUOTE, Shape(is_limit=True, has_target=True), Decimal(15))
    assert (made["trader_id"], made["interval"], made["size"]) == ("rollout", "1s", {"quote": "15"})
    limit = Decimal(made["entry"]["price"])
    assert Decimal(made["stop_loss"]) < ASK < limit < Decimal(made["take_profit"])
    alone = signal_of(QUOTE, SHAPES[2], Decimal(15))
    assert "take_profit" not in alone
    assert "entry" not in alone


def test_a_stage_has_one_of_three_names() -> None:
    told = asyncio.run(Played().rollout())
    assert stage_of(told, "demo").mode is Mode.DEMO
    with pytest.raises(BadInputError, match="one of testnet, demo, mainnet"):
        stage_of(told, "paper")
