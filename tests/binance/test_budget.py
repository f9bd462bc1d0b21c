from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.binance.budget import Claim, Lane, RateBudget
from fillwright.binance.outcomes import Answered, Refused, Unknown, Unsent
from fillwright.core.types import DAY, MINUTE, SECOND, ErrorClass
from fillwright.wire.answers import RateLimitCount
from fillwright.wire.exchange_info import RateLimit
from fillwright.wire.requests import WireRequest

START = 1_795_168_800_000_000
PLACE = WireRequest("order.place", ("POST", "/api/v3/order"), weight=1, orders=1, is_free=True, changes=True)
LIST = WireRequest(
    "orderList.place.opoco", ("POST", "/api/v3/orderList/opoco"), weight=1, orders=3, is_free=True
)
CANCEL = WireRequest("order.cancel", ("DELETE", "/api/v3/order"), weight=1, is_free=True, changes=True)
ACCOUNT = WireRequest("account.status", ("GET", "/api/v3/account"), weight=20)
DONE = Answered(b"{}", START)


class Now:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def budget(now: Now) -> RateBudget:
    return RateBudget(now)


def claimed(budget: RateBudget, request: WireRequest, lane: Lane = Lane.EXIT, account: str = "a") -> Claim:
    claim = budget.claim(request, lane, account)
    assert isinstance(claim, Claim), claim
    return claim


def refused(budget: RateBudget, request: WireRequest, lane: Lane = Lane.EXIT, account: str = "a") -> Unsent:
    claim = budget.claim(request, lane, account)
    assert isinstance(claim, Unsent), claim
    assert claim.error_class is ErrorClass.RATE
    return claim


def used(budget: RateBudget, kind: str, interval: int = MINUTE) -> int:
    (found,) = [one.used for one in budget.usage("a") if (one.kind, one.interval) == (kind, interval)]
    return found


def too_many(status: int, retry_after_ms: int = 0, code: int | None = -1003) -> Refused:
    return Refused(code, "Too many.", status, ErrorClass.RATE, retry_after_ms)


# -- shares ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lane", "orders"), [(Lane.ENTRY, 60), (Lane.QUERY, 80), (Lane.PROTECT, 95), (Lane.EXIT, 100)]
)
def test_each_lane_fills_an_order_window_up_to_its_share(budget: RateBudget, lane: Lane, orders: int) -> None:
    for _ in range(orders):
        claimed(budget, PLACE, lane)
    assert refused(budget, PLACE, lane).retry_after_ms == 10_000


def test_a_list_counts_all_its_orders(budget: RateBudget) -> None:
    for _ in range(20):
        claimed(budget, LIST, Lane.ENTRY)
    refused(budget, LIST, Lane.ENTRY)
    claimed(budget, LIST, Lane.PROTECT)


def test_cancels_go_before_everything(budget: RateBudget) -> None:
    for _ in range(5_950):
        claimed(budget, CANCEL, Lane.ENTRY)
    refused(budget, PLACE, Lane.PROTECT)
    claimed(budget, CANCEL, Lane.ENTRY)


def test_orders_are_counted_by_account_and_weight_by_address(budget: RateBudget) -> None:
    for _ in range(60):
        claimed(budget, PLACE, Lane.ENTRY, "a")
    refused(budget, PLACE, Lane.ENTRY, "a")
    claimed(budget, PLACE, Lane.ENTRY, "b")
    assert used(budget, "REQUEST_WEIGHT") == 61


def test_reads_leave_weight_for_exits(budget: RateBudget) -> None:
    for _ in range(240):
        claimed(budget, ACCOUNT, Lane.QUERY)
    assert refused(budget, ACCOUNT, Lane.QUERY).retry_after_ms == 60_000
    refused(budget, PLACE, Lane.ENTRY)
    claimed(budget, CANCEL, Lane.EXIT)


def test_a_new_window_is_empty(budget: RateBudget, now: Now) -> None:
    for _ in range(60):
        claimed(budget, PLACE, Lane.ENTRY)
    now.time += 10 * SECOND
    claimed(budget, PLACE, Lane.ENTRY)


def test_connections_are_counted(budget: RateBudget) -> None:
    for _ in range(285):
        assert isinstance(budget.claim_connection(), Claim)
    assert isinstance(budget.claim_connection(), Unsent)
    assert used(budget, "REQUEST_WEIGHT") == 570
    assert used(budget, "CONNECTIONS", 5 * MINUTE) == 285


def test_raw_requests_are_those_over_rest(budget: RateBudget) -> None:
    budget.claim(CANCEL, Lane.EXIT, "a", over_rest=True)
    budget.claim(CANCEL, Lane.EXIT, "a")
    assert used(budget, "RAW_REQUESTS", 5 * MINUTE) == 1


# -- what Binance tells ------------------------------------------------------------------------------------------


def test_headers_correct_the_counts(budget: RateBudget) -> None:
    claim = claimed(budget, PLACE)
    budget.told_by_headers(
        claim,
        {
            "X-MBX-USED-WEIGHT": "7",
            "X-MBX-USED-WEIGHT-1M": "41",
            "X-MBX-ORDER-COUNT-10S": "9",
            "x-mbx-order-count-1d": "77",
            "Content-Type": "application/json",
        },
    )
    assert used(budget, "REQUEST_WEIGHT") == 41
    assert used(budget, "ORDERS", 10 * SECOND) == 9
    assert used(budget, "ORDERS", DAY) == 77


def test_headers_without_sense_are_passed_over(budget: RateBudget) -> None:
    claim = claimed(budget, ACCOUNT)
    budget.told_by_headers(claim, {"X-MBX-USED-WEIGHT-1M": "many", "X-MBX-ORDER-COUNT-9Y": "4"})
    assert used(budget, "REQUEST_WEIGHT") == 20


def test_replies_correct_counts_and_limits(budget: RateBudget) -> None:
    claim = claimed(budget, PLACE)
    rows = (
        RateLimitCount(rate_limit_type="ORDERS", interval="SECOND", interval_num=10, limit=50, count=48),
        RateLimitCount(
            rate_limit_type="REQUEST_WEIGHT", interval="MINUTE", interval_num=1, limit=6000, count=70
        ),
        RateLimitCount(rate_limit_type="NEWS", interval="FORTNIGHT", interval_num=1, limit=1, count=1),
    )
    budget.told_by_reply(claim, rows)
    assert used(budget, "REQUEST_WEIGHT") == 70
    refused(budget, LIST)
    claimed(budget, PLACE)


def test_exchange_information_sets_limits_for_all_accounts(budget: RateBudget) -> None:
    claimed(budget, PLACE, account="a")
    budget.learn(
        [
            RateLimit("ORDERS", "SECOND", 10, 2),
            RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 1_200),
            RateLimit("ORDERS", "HOUR", 1, 1_000),
        ]
    )
    for account in ("a", "b"):
        claimed(budget, PLACE, account=account)
    refused(budget, PLACE, account="a")
    assert [one.limit for one in budget.usage("b") if one.kind == "ORDERS"] == [2, 200_000, 1_000]
    assert next(one.limit for one in budget.usage() if one.kind == "REQUEST_WEIGHT") == 1_200


def test_a_success_that_is_free_gives_its_weight_back(budget: RateBudget) -> None:
    budget.settle(claimed(budget, CANCEL), DONE)
    budget.settle(claimed(budget, ACCOUNT), DONE)
    assert used(budget, "REQUEST_WEIGHT") == 20


def test_what_was_not_sent_is_given_back_and_what_got_no_answer_is_not(budget: RateBudget) -> None:
    budget.settle(claimed(budget, PLACE), Unsent("no connection"))
    assert used(budget, "ORDERS", 10 * SECOND) == used(budget, "REQUEST_WEIGHT") == 0
    budget.settle(claimed(budget, PLACE), Unknown("no answer"))
    assert used(budget, "ORDERS", 10 * SECOND) == used(budget, "REQUEST_WEIGHT") == 1


# -- being told to stop ------------------------------------------------------------------------------------------


def test_after_429_nothing_leaves_until_its_time_and_entries_later(budget: RateBudget, now: Now) -> None:
    budget.settle(claimed(budget, ACCOUNT), too_many(429, 7_000))
    assert refused(budget, CANCEL).retry_after_ms == 7_000
    assert isinstance(budget.claim_connection(), Unsent)
    assert budget.ban is not None
    now.time += 7 * SECOND
    assert budget.ban is None
    claimed(budget, CANCEL)
    assert refused(budget, PLACE, Lane.ENTRY).retry_after_ms == 53_000
    now.time += 53 * SECOND
    claimed(budget, PLACE, Lane.ENTRY)


def test_without_a_time_429_lasts_to_the_end_of_the_window(budget: RateBudget, now: Now) -> None:
    now.time += 45 * SECOND
    budget.settle(claimed(budget, ACCOUNT), too_many(429))
    assert refused(budget, CANCEL).retry_after_ms == 15_000


def test_after_403_only_entries_stop(budget: RateBudget) -> None:
    budget.settle(claimed(budget, ACCOUNT), too_many(403, code=None))
    refused(budget, PLACE, Lane.ENTRY)
    claimed(budget, PLACE, Lane.PROTECT)
    assert budget.ban is None


def test_too_many_orders_stop_the_orders_of_one_account(budget: RateBudget, now: Now) -> None:
    now.time += 4 * SECOND
    budget.settle(claimed(budget, PLACE), too_many(429, code=-1015))
    assert refused(budget, PLACE).retry_after_ms == 6_000
    claimed(budget, CANCEL)
    claimed(budget, PLACE, account="b")
    now.time += 6 * SECOND
    claimed(budget, PLACE)


def test_the_code_tells_where_the_status_does_not(budget: RateBudget) -> None:
    budget.settle(claimed(budget, PLACE), too_many(400, code=-1015))
    refused(budget, PLACE)
    assert budget.ban is None
    budget.settle(claimed(budget, CANCEL), too_many(400, 2_000))
    assert refused(budget, CANCEL).retry_after_ms == 2_000


def test_a_rejection_stops_nothing(budget: RateBudget) -> None:
    no_funds = Refused(-2010, "Account has insufficient balance.", 400, ErrorClass.PERMANENT)
    budget.settle(claimed(budget, PLACE), no_funds)
    claimed(budget, PLACE, Lane.ENTRY)


def test_a_ban_outlives_the_process(now: Now, tmp_path: Path) -> None:
    path = tmp_path / "ban.json"
    first = RateBudget(now, path)
    first.settle(claimed(first, ACCOUNT), too_many(418, 120_000))
    first.settle(Claim(99, now.time, "a", False), too_many(429, 1_000))
    second = RateBudget(now, path)
    assert second.ban is not None
    assert (second.ban.http_status, second.ban.until) == (418, START + 120 * SECOND)
    refused(second, CANCEL)
    now.time += 120 * SECOND
    claimed(second, CANCEL)
    assert second.problem == ""


def test_a_ban_whose_end_nobody_tells_lasts_as_long_as_the_shortest(budget: RateBudget) -> None:
    budget.settle(claimed(budget, ACCOUNT), Refused(None, "banned", 418, ErrorClass.RATE))
    assert refused(budget, CANCEL).retry_after_ms == 120_000


def test_what_is_not_sent_for_a_ban_says_so_and_a_pause_is_none(budget: RateBudget, now: Now) -> None:
    budget.settle(claimed(budget, ACCOUNT), too_many(429, 1_000))
    assert refused(budget, PLACE).http_status == 429
    budget.settle(Claim(99, now.time, "a", False), too_many(418, 500))
    told = refused(budget, PLACE)
    assert (told.http_status, told.retry_after_ms) == (418, 1_000)
    now.time += SECOND
    assert refused(budget, PLACE, Lane.ENTRY).http_status == 0


def test_a_ban_that_cannot_be_kept_still_holds(now: Now, tmp_path: Path) -> None:
    budget = RateBudget(now, tmp_path / "nowhere" / "ban.json")
    budget.settle(claimed(budget, ACCOUNT), too_many(418, 120_000))
    refused(budget, CANCEL)
    assert budget.problem
