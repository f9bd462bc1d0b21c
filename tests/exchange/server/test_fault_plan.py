from __future__ import annotations

import msgspec
import pytest

from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import (
    RULES_MAX,
    CallFault,
    EventFate,
    Faults,
    Rule,
    StreamEventFault,
)


def hit(faults: Faults, name: str = "order.place", account: str = "main", own: str = "") -> bool:
    return faults.for_call(name, "TRADE", account, own) is not None


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("*", True),
        ("order.place", True),
        ("order.*", True),
        ("TRADE", True),
        ("order.cancel", False),
        ("orderList.*", False),
        ("USER_DATA", False),
        ("order", False),
    ],
)
def test_an_endpoint_is_a_name_a_beginning_or_a_security(endpoint: str, expected: bool) -> None:
    faults = Faults(1)
    faults.install(CallFault(outcome=Outcome.LOST, endpoint=endpoint))
    assert hit(faults) is expected


def test_a_rule_hits_so_many_times_after_those_it_skips() -> None:
    faults = Faults(1)
    faults.install(CallFault(outcome=Outcome.LOST, skip=2, times=2))
    assert [hit(faults) for _ in range(6)] == [False, False, True, True, False, False]
    assert not faults.has_calls


def test_a_rule_is_for_an_account_and_a_beginning_of_ids() -> None:
    faults = Faults(1)
    faults.install(CallFault(outcome=Outcome.LOST, account_id="main", client_order_id="bot-", times=None))
    assert hit(faults, own="bot-7")
    assert not hit(faults, own="hand-7")
    assert not hit(faults, account="other", own="bot-7")


def test_chance_is_a_function_of_the_seed() -> None:
    def draws(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.install(CallFault(outcome=Outcome.LOST, probability=0.3, times=None))
        return [hit(faults) for _ in range(1_000)]

    assert draws(7) == draws(7)
    assert draws(7) != draws(8)
    assert 200 < sum(draws(7)) < 400


def test_the_first_rule_that_hits_decides() -> None:
    faults = Faults(1)
    first = faults.install(CallFault(outcome=Outcome.LOST))
    second = faults.install(CallFault(outcome=Outcome.MASKED))
    numbers = []
    for _ in range(2):
        fault = faults.for_call("order.place", "TRADE", "main", "")
        assert fault is not None
        numbers.append(fault.number)
    assert numbers == [first, second]
    assert [rule.hits for rule in faults.rules] == [1, 1]


def test_rules_are_removed_one_by_one_or_all() -> None:
    faults = Faults(1)
    for _ in range(3):
        number = faults.install(CallFault(outcome=Outcome.LOST))
    faults.install(StreamEventFault(outcome=EventFate.DROPPED))
    assert (faults.has_calls, faults.has_events) == (True, True)
    assert faults.remove(number) == 1
    assert faults.remove(number) == 0
    assert faults.remove() == 3
    assert (faults.has_calls, faults.has_events) == (False, False)


def test_there_is_an_end_of_rules() -> None:
    faults = Faults(1)
    for _ in range(RULES_MAX):
        faults.install(CallFault(outcome=Outcome.LOST))
    with pytest.raises(ValueError, match="already"):
        faults.install(CallFault(outcome=Outcome.LOST))


def test_events_are_met_by_their_name_and_account() -> None:
    faults = Faults(1)
    faults.install(StreamEventFault(outcome=EventFate.REORDERED, event="executionReport", account_id="main"))
    assert faults.for_event("listStatus", "main") is None
    assert faults.for_event("executionReport", "other") is None
    fault = faults.for_event("executionReport", "main")
    assert fault is not None
    assert fault.outcome is EventFate.REORDERED
    assert not faults.has_events


def test_an_answer_has_the_code_s_usual_status_and_text_unless_told_otherwise() -> None:
    usual = CallFault(outcome=Outcome.MASKED, code=-2010)
    assert usual.status == 400
    own = CallFault(outcome=Outcome.MASKED, code=-1007, http_status=504, message="late")
    assert (own.status, own.text) == (504, "late")
    bare = CallFault(outcome=Outcome.REFUSED)
    assert (bare.status, bare.text) == (503, "")


@pytest.mark.parametrize(
    ("outcome", "carried_out"),
    [
        (Outcome.LOST, False),
        (Outcome.REFUSED, False),
        (Outcome.ANSWER_LOST, True),
        (Outcome.MASKED, True),
        (Outcome.DELAYED, True),
    ],
)
def test_which_outcomes_carry_the_request_out(outcome: Outcome, carried_out: bool) -> None:
    assert CallFault(outcome=outcome).is_carried_out is carried_out


@pytest.mark.parametrize("wrong", ['{"probability": 1.5}', '{"times": 0}', '{"skip": -1}', '{"what": 1}'])
def test_a_rule_that_makes_no_sense_is_refused(wrong: str) -> None:
    body = wrong[:-1] + ', "of": "requests", "outcome": "lost"}'
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Rule)


def test_rules_are_read_from_json() -> None:
    rule = msgspec.json.decode(
        '{"of": "requests", "outcome": "answer_lost", "by": "silence", "endpoint": "order.*"}', type=Rule
    )
    assert isinstance(rule, CallFault)
    assert (rule.outcome, rule.times) == (Outcome.ANSWER_LOST, 1)
    assert isinstance(
        msgspec.json.decode('{"of": "events", "outcome": "dropped"}', type=Rule), StreamEventFault
    )
