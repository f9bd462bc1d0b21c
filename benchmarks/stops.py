"""Emergency stops of 200 working entries on 20 symbols, of a service and of keys alone, until they are proven.

The exchange, the service and whoever stops it are processes of their own on this machine: what is measured is what the
caller waits for. By keys nothing else runs: the service was killed before.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Row, percentiles
from tests.e2e.stops import ENTRIES_EACH, SYMBOLS, Loaded, keys_stop, loaded

COUNT = ENTRIES_EACH * len(SYMBOLS)
TIMES, TIMES_QUICK = 40, 3
KEYS_TIMES, KEYS_TIMES_QUICK = 15, 1
AIM = "aim: done and verified p99 ≤ 1 s"


def rows(quick: bool) -> list[Row]:
    """Halt, cancel, read back; and the same by keys alone."""
    with tempfile.TemporaryDirectory() as name, loaded(Path(name), forked=False) as world:
        world.hold()
        stops = [_stopped(world) for _ in range(TIMES_QUICK if quick else TIMES)]
        keys = [_by_keys(world) for _ in range(KEYS_TIMES_QUICK if quick else KEYS_TIMES)]
    return [
        _row(f"POST /api/emergency-stop, {COUNT} entries on {len(SYMBOLS)} symbols → proven", stops, AIM),
        _row("emergency-stop --keys, the same → clean (without its process's start)", keys, AIM),
    ]


def _row(what: str, times: list[float], compared: str) -> Row:
    median, p99 = percentiles(times)
    return Row(what, f"{median * 1e3:.0f} ms", f"{p99 * 1e3:.0f} ms", compared)


def _stopped(world: Loaded) -> float:
    world.fill()
    world.box.admin.post("/limits")  # what was used so far is forgotten: nobody stops so often in a minute
    answer, took_s = world.stop()
    assert answer["verified"], answer
    assert len(answer["cancelled_orders"]) == COUNT
    world.resume()
    return took_s


def _by_keys(world: Loaded) -> float:
    world.fill()
    world.box.admin.post("/limits")
    world.service.kill()
    code, told = keys_stop(world.service, "--watch", "0")
    assert code == 0, told
    assert len(told["cancelled"]) == COUNT
    world.box.admin.post("/limits")
    world.service.start()
    world.service.wait_ready()
    world.resume()
    return float(told["clean_after_s"])
