from __future__ import annotations

import pytest

from fillwright.exchange.server.clock import BoxClock, real_time


class Machine:
    """A machine's clock, set by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_a_running_clock_follows_the_machine_and_never_goes_back() -> None:
    machine = Machine(1_000)
    clock = BoxClock(real=machine)
    assert clock.now() == 1_000
    machine.now = 1_500
    assert clock.now() == 1_500
    machine.now = 1_200
    assert clock.now() == 1_500


def test_a_frozen_clock_moves_by_steps_alone() -> None:
    machine = Machine(1_000)
    clock = BoxClock(50, is_frozen=True, real=machine)
    machine.now = 9_000
    assert (clock.now(), clock.is_frozen) == (50, True)
    clock.step(25)
    assert clock.now() == 75


def test_a_step_moves_a_running_clock_ahead() -> None:
    machine = Machine(1_000)
    clock = BoxClock(real=machine)
    clock.step(500)
    machine.now = 1_100
    assert clock.now() == 1_600


def test_time_cannot_be_stepped_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        BoxClock(is_frozen=True).step(-1)


@pytest.mark.parametrize(("stepped", "then"), [(0, 3_000), (10_000, 11_000)])
def test_resuming_takes_the_real_time_unless_the_clock_is_ahead_of_it(stepped: int, then: int) -> None:
    machine = Machine(1_000)
    clock = BoxClock(real=machine)
    clock.freeze()
    clock.step(stepped)
    machine.now = 3_000
    clock.resume()
    assert clock.now() == then
    machine.now = 3_010
    assert clock.now() == then + 10


def test_a_clock_that_begins_at_a_time_runs_from_there() -> None:
    machine = Machine(1_000)
    clock = BoxClock(70_000, real=machine)
    machine.now = 1_001
    assert clock.now() == 70_001


def test_a_server_that_goes_on_is_never_earlier_than_when_it_was_saved() -> None:
    machine = Machine(1_000)
    clock = BoxClock(real=machine)
    clock.begin_at(400)
    assert clock.now() == 1_000
    clock.begin_at(8_000)
    assert clock.now() == 8_000


def test_skew_is_what_clients_are_told_and_nothing_else() -> None:
    clock = BoxClock(500, is_frozen=True)
    clock.skew_us = -100
    assert (clock.now(), clock.served(clock.now())) == (500, 400)


def test_real_time_is_of_this_century() -> None:
    assert 1_600_000_000_000_000 < real_time() < 5_000_000_000_000_000
