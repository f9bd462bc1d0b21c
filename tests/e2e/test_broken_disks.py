"""Full disks, logs that end in garbage, copies taken at any moment: a clear word, and a clean start after it."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.e2e.judge import Judge
from tests.e2e.service import Service
from tests.e2e.traffic import Traffic

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LTCUSDT")
COPIES = 3
COPIES_LONG = 24
RATE = 60
FAILED_S = 1.0
READY_AGAIN_S = 15.0
GIVEN_UP_S = 60.0
LITTLE = 4_096
"""No file may be written beyond this any more: every commit fails, and soon the log cannot be written either."""


def judged(service: Service) -> Judge:
    """The running service's books agree, once what is under way has arrived."""
    judge = Judge(service.database)
    until = time.monotonic() + 3
    judge.look()
    while judge.differences() and time.monotonic() < until:
        time.sleep(0.05)
        judge.look()
    assert judge.differences() == []
    assert judge.problems == []
    return judge


# -- torn writes -------------------------------------------------------------------------------------------------


def torn(log: Path, random: Random) -> str:
    """Cut the write-ahead log somewhere, or fill its end with noise, as a power cut may leave it."""
    size = log.stat().st_size
    place = random.randrange(size)
    with log.open("r+b") as file:
        if random.random() < 0.5:
            file.truncate(place)
            return f"cut at {place} of {size}"
        length = min(size - place, random.randrange(1, 20_000))
        file.seek(place)
        file.write(random.randbytes(length))
        return f"{length} bytes of noise at {place} of {size}"


def copies(folder: Path, count: int) -> list[Path]:
    """Data folders as they were at some moments under load: all files at one instant, the process standing still."""
    random, made = Random(9), []
    with Service(folder / "origin", symbols=SYMBOLS, trades_per_second=50, seed=9, forked=True) as service:
        service.start().wait_ready()
        traffic = Traffic(SYMBOLS, 9, 400)

        async def copy_now_and_then() -> None:
            assert service.process is not None
            flowing = asyncio.create_task(traffic.flow(service.url, RATE, count + 1))
            for number in range(count):
                await asyncio.sleep(random.uniform(0.3, 0.6))
                service.process.send_signal(signal.SIGSTOP)
                made.append(folder / f"copy-{number}")
                shutil.copytree(service.folder, made[-1])
                service.process.send_signal(signal.SIGCONT)
            flowing.cancel()
            await asyncio.wait((flowing,))

        asyncio.run(copy_now_and_then())
    return made


@pytest.mark.parametrize("count", [COPIES, pytest.param(COPIES_LONG, marks=pytest.mark.long)])
def test_copies_taken_under_load(tmp_path: Path, count: int) -> None:
    made = copies(tmp_path, count)
    for number, folder in enumerate(made[1:]):
        starts_with_a_torn_end(folder, number)
    is_not_traded_on_when_damaged(made[0])


def starts_with_a_torn_end(folder: Path, number: int) -> None:
    """What was cut off is lost, from both books alike; what is left is whole, and trades on."""
    random = Random(number)
    with Service(folder, symbols=SYMBOLS, trades_per_second=50, seed=9, forked=True) as service:
        damage = torn(next(service.data.glob("*-wal")), random)
        service.start().wait_ready()
        judged(service)
        traffic = Traffic(SYMBOLS, 100 + number, 400)
        asyncio.run(traffic.flow(service.url, RATE, 0.5))
        judge = judged(service)
        judge.heard([one for one in traffic.sent if one.answers])
        assert judge.problems == [], damage
        assert service.stop() == 0
        assert "Traceback" not in service.log


def is_not_traded_on_when_damaged(folder: Path) -> None:
    """The copy as it was starts; damaged in its middle it is refused."""
    with Service(folder, symbols=SYMBOLS, seed=9, forked=True) as service:
        service.start().wait_ready()
        assert service.stop() == 0
        size = service.database.stat().st_size
        with service.database.open("r+b") as file:
            for place in range(3 * 4_096, size, 3 * 4_096):
                file.seek(place)
                file.write(b"\x5a" * 4_096)
        before = len(service.log)
        service.start()
        assert service.wait(GIVEN_UP_S) == 4
        said = service.log[before:]
        assert "Traceback" not in said
        assert str(service.database.name) in said


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    with Service(tmp_path, symbols=SYMBOLS, forked=True) as service:
        service.data.mkdir()
        (service.data / "journal.db").write_bytes(b"something else altogether" * 1_000)
        service.start()
        assert service.wait(GIVEN_UP_S) == 2
        assert "Traceback" not in service.log
        assert "journal.db" in service.log
        assert (service.data / "journal.db").read_bytes().startswith(b"something else")


# -- full disks --------------------------------------------------------------------------------------------------


def let_files_grow_to(service: Service, size: int) -> None:
    """Limit the length of files that the running process writes."""
    assert service.process is not None
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="no limits on another process's files here"
)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, symbols=SYMBOLS, trades_per_second=50, seed=12, forked=True) as service:
        yield service


@needs_prlimit
def test_a_disk_that_is_full_for_a_while(limited: Service) -> None:
    """Signals are refused with a reason, nothing of them happens, and it goes on by itself when there is room."""
    service = limited
    service.start().wait_ready()
    traffic = Traffic(SYMBOLS, 12, 400)

    async def full_for_a_while() -> tuple[int, object]:
        flowing = asyncio.create_task(traffic.flow(service.url, RATE, FAILED_S + 2))
        await asyncio.sleep(0.8)
        let_files_grow_to(service, LITTLE)
        await asyncio.sleep(FAILED_S)
        found = await asyncio.to_thread(service.get, "/readyz")
        let_files_grow_to(service, resource.RLIM_INFINITY)
        await flowing
        return found

    status, reasons = asyncio.run(full_for_a_while())
    assert status == 503, reasons
    refused = [refusal for one in traffic.sent for refusal in one.refusals]
    assert refused
    assert {status for status, _ in refused} == {503}
    assert {body["error"]["code"] for _, body in refused} <= {"NOT_STORED", "NOT_READY", "STORAGE_FAILED"}
    service.wait_ready(time.monotonic() - service.started_at + READY_AGAIN_S)
    asyncio.run(traffic.repeat(service.url, traffic.unanswered))
    judge = judged(service)
    judge.heard(traffic.sent)
    assert judge.problems == []
    assert not [one for one in traffic.sent if not one.answers]
    assert service.stop() == 0
    assert "disk" in service.log.lower() or "too large" in service.log.lower()


@needs_prlimit
@pytest.mark.long
def test_a_disk_that_stays_full(limited: Service) -> None:
    """It gives up with a clear line and its own exit code, and starts clean once there is room."""
    service = limited
    service.start().wait_ready()
    traffic = Traffic(SYMBOLS, 13, 400)
    asyncio.run(traffic.flow(service.url, RATE, 1))
    assert service.process is not None
    reader = service.process
    let_files_grow_to(service, LITTLE)
    asyncio.run(traffic.flow(service.url, RATE, 1))
    assert reader.wait(GIVEN_UP_S) == 4
    service.close()
    assert "Traceback" not in service.log
    service.start().wait_ready()
    asyncio.run(traffic.repeat(service.url, traffic.unanswered))
    judge = judged(service)
    judge.heard(traffic.sent)
    assert judge.problems == []
    assert service.stop() == 0


def test_a_disk_without_any_room(small_disk: Path, tmp_path: Path) -> None:
    """Under load on a disk that another program fills: refused, recovered, nothing lost."""
    data = small_disk / "data"
    with Service(
        tmp_path / "on",
        symbols=SYMBOLS,
        trades_per_second=50,
        seed=14,
        changes={"data": {"dir": str(data)}},
        forked=True,
    ) as service:
        service.data = data
        service.start().wait_ready()
        traffic = Traffic(SYMBOLS, 14, 2_000)

        async def fill_the_disk() -> None:
            flowing = asyncio.create_task(traffic.flow(service.url, 2 * RATE, 15))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(fill, small_disk / "filler")
            for _ in range(100):
                await asyncio.sleep(0.1)
                if any(one.refusals for one in traffic.sent[-50:]):
                    break
            flowing.cancel()
            await asyncio.wait((flowing,))
            (small_disk / "filler").unlink()

        asyncio.run(fill_the_disk())
        refused = [refusal for one in traffic.sent for refusal in one.refusals]
        assert refused, "the disk was never full enough"
        assert {status for status, _ in refused} == {503}
        service.wait_ready(time.monotonic() - service.started_at + READY_AGAIN_S)
        asyncio.run(traffic.repeat(service.url, traffic.unanswered))
        judge = judged(service)
        judge.heard(traffic.sent)
        assert judge.problems == []
        assert service.stop() == 0
        assert "Traceback" not in service.log


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            return


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0 or sys.platform == "win32":
        pytest.skip("whoever runs this may write anywhere")
    with Service(tmp_path, symbols=SYMBOLS, forked=True) as service:
        service.data.mkdir(mode=0o500)
        service.start()
        assert service.wait(GIVEN_UP_S) in (2, 4)
        assert "Traceback" not in service.log
