from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fillwright.core.types import DAY, MINUTE, SECOND
from fillwright.exchange.messages import OrderCount
from fillwright.exchange.server import limits as module
from fillwright.exchange.server.limits import (
    BAN_FIRST,
    BAN_GROWTH,
    BAN_LONGEST,
    REFUSALS_BEFORE_BAN,
    Limits,
    RateLimited,
    interval_parts,
    order_count_rows,
)
from fillwright.exchange.server.settings import LimitSettings
from fillwright.exchange.settings import DEFAULT_ORDER_COUNTS

NOW = 1_795_168_800_000_000 + 12 * SECOND
IP = "127.0.0.1"


def _limits(**changes: Any) -> Limits:
    return Limits(LimitSettings(**changes), DEFAULT_ORDER_COUNTS)


def _use(limits: Limits, weight: int, now: int = NOW) -> None:
    limits.charge(limits.enter(IP, now), weight, now)


def _refusal(limits: Limits, weight: int, now: int = NOW) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        _use(limits, weight, now)
    return caught.value


def test_weight_counts_in_windows_aligned_to_the_clock() -> None:
    limits = _limits(request_weight=10)
    _use(limits, 10)
    refused = _refusal(limits, 1)
    assert (refused.code, refused.http_status) == (-1003, 429)
    assert refused.message == (
        "Too much request weight used; current limit is 10 request weight per 1 MINUTE. Please use WebSocket "
        "Streams for live updates to avoid polling the API."
    )
    minute = NOW - NOW % MINUTE + MINUTE
    assert refused.retry_at == minute
    _use(limits, 10, minute)


def test_a_refused_request_counts_as_well() -> None:
    limits = _limits(request_weight=10)
    _use(limits, 8)
    _refusal(limits, 5)
    assert "used-weight: 13" in limits.weight_headers(limits.visitor(IP))


def test_weight_can_be_given_back_but_not_below_zero() -> None:
    limits = _limits(request_weight=10)
    visitor = limits.enter(IP, NOW)
    limits.charge(visitor, 4, NOW)
    limits.give_back(visitor, 1, NOW)
    assert limits.weight_headers(visitor) == "x-mbx-used-weight: 3\r\nx-mbx-used-weight-1m: 3\r\n"
    limits.give_back(visitor, 4, NOW)
    assert visitor.weight.count == 0
    limits.charge(visitor, 2, NOW)
    limits.give_back(visitor, 1, NOW + MINUTE)
    limits.charge(visitor, 2, NOW + MINUTE)
    assert visitor.weight.count == 2


def test_raw_requests_have_a_limit_of_their_own() -> None:
    limits = _limits(raw_requests=2)
    limits.enter(IP, NOW)
    limits.enter(IP, NOW)
    with pytest.raises(RateLimited) as caught:
        limits.enter(IP, NOW)
    assert (caught.value.http_status, caught.value.message) == (429, "Too many requests queued.")
    limits.enter("127.0.0.2", NOW)
    limits.enter(IP, NOW + 5 * MINUTE)


def test_who_does_not_listen_is_banned_longer_each_time() -> None:
    limits = _limits(request_weight=1)
    _use(limits, 1)
    for _ in range(REFUSALS_BEFORE_BAN):
        assert _refusal(limits, 1).http_status == 429
    banned = _refusal(limits, 1)
    assert banned.http_status == 418
    assert banned.retry_at == NOW + BAN_FIRST
    assert banned.message == (
        f"Way too much request weight used; IP banned until {banned.retry_at // 1000}. Please use WebSocket "
        "Streams for live updates to avoid bans."
    )
    assert limits.bans(NOW) == {IP: banned.retry_at}
    with pytest.raises(RateLimited):
        limits.enter(IP, banned.retry_at - 1)
    now, lengths = banned.retry_at, []
    for _ in range(8):
        _use(limits, 1, now)
        for _ in range(REFUSALS_BEFORE_BAN):
            _refusal(limits, 1, now)
        lengths.append(_refusal(limits, 1, now).retry_at - now)
        now += lengths[-1] + MINUTE
    assert lengths[0] == BAN_GROWTH * BAN_FIRST
    assert lengths == sorted(lengths)
    assert lengths[-1] == BAN_LONGEST


def test_after_a_day_in_peace_the_next_ban_is_a_first_one() -> None:
    limits = _limits(request_weight=1)
    limits.ban(IP, NOW)
    limits.visitor(IP).bans = 5
    limits.enter(IP, NOW + DAY)
    assert limits.visitor(IP).bans == 0


def test_limits_that_are_off_count_and_do_not_refuse_but_an_injected_ban_holds() -> None:
    limits = _limits(request_weight=1, raw_requests=1, connections=1, is_enabled=False)
    for _ in range(50):
        _use(limits, 7)
        limits.connect(IP, NOW, 2)
    assert "used-weight: 450" in limits.weight_headers(limits.visitor(IP))
    limits.ban(IP, NOW + SECOND)
    with pytest.raises(RateLimited) as caught:
        limits.connect(IP, NOW)
    assert caught.value.http_status == 418
    limits.pardon(IP)
    limits.connect(IP, NOW)


def test_connection_attempts_are_limited_and_cost_weight() -> None:
    limits = _limits(connections=1)
    visitor = limits.connect(IP, NOW, 2)
    assert visitor.weight.count == 2
    with pytest.raises(RateLimited) as caught:
        limits.connect(IP, NOW, 2)
    assert (caught.value.code, caught.value.message) == (
        -1034,
        "Too many connection attempts from IP; current limit is 1 per '5 MINUTE'.",
    )


def test_a_clock_set_back_begins_a_new_window() -> None:
    limits = _limits(request_weight=1)
    _use(limits, 1)
    _use(limits, 1, NOW - DAY)


def test_addresses_remembered_are_bounded_and_bans_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VISITORS_MAX", 3)
    limits = _limits()
    limits.ban("banned", NOW + DAY)
    for number in range(10):
        limits.enter(f"10.0.0.{number}", NOW)
    assert limits.bans(NOW) == {"banned": NOW + DAY}


def test_other_settings_take_effect_at_once() -> None:
    limits = _limits(request_weight=1)
    limits.ban("10.0.0.9", NOW + DAY)
    limits.replace(LimitSettings(request_weight=5))
    _use(limits, 5)
    assert limits.settings.request_weight == 5
    assert limits.bans(NOW) == {"10.0.0.9": NOW + DAY}
    assert '"limit":5,' in limits.used(limits.visitor(IP), NOW)


def test_limits_are_shown_as_exchange_info_has_them() -> None:
    limits = _limits()
    rows = limits.shown()
    assert [(row["rateLimitType"], row["interval"], row["intervalNum"], row["limit"]) for row in rows] == [
        ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]
    assert limits.shown(websocket=True)[-1]["rateLimitType"] == "CONNECTIONS"


def test_what_was_used_is_told_in_headers_and_in_websocket_answers() -> None:
    limits = _limits()
    counts = (OrderCount(10 * SECOND, 100, 3), OrderCount(DAY, 200_000, 4))
    assert limits.order_headers(counts) == "x-mbx-order-count-10s: 3\r\nx-mbx-order-count-1d: 4\r\n"
    _use(limits, 7)
    used = msgspec.json.decode(limits.used(limits.visitor(IP), NOW, counts))
    weight = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
        "count": 7,
    }
    assert used == [*order_count_rows(counts), weight]
    assert used[0] == {
        "rateLimitType": "ORDERS",
        "interval": "SECOND",
        "intervalNum": 10,
        "limit": 100,
        "count": 3,
    }


def test_intervals_are_spelled_in_the_largest_whole_unit() -> None:
    assert interval_parts(3600 * SECOND) == ("HOUR", 1)
    assert interval_parts(90 * SECOND) == ("SECOND", 90)
    with pytest.raises(ValueError, match="whole number"):
        interval_parts(1)
