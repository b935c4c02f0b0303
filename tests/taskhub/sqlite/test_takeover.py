"""Work of a process that ended, on real processes: at once after a kill, never from the living."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from funchost.clock import SystemClock
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId, WorkerId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import ActivityWork, Committed, Episode, HubWorker, TaskHub
from funchost.taskhub.sqlite.locks import FileLock, WorkerLocks
from taskhub.acting import activity, append, commit, episode, nothing_comes, raised, start, until, working
from taskhub.conftest import SqliteHubs
from taskhub.flow import answer_event, is_right, outcome_of

PEER = Path(__file__).with_name("peer.py")
TESTS = PEER.parents[2]
NEVER = "never"


@contextmanager
def peer(
    folder: Path, worker: str = "peer", *, die_at: str = NEVER, after: int = 1
) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, str(PEER), str(folder), worker, die_at, str(after)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(TESTS)})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def says(process: subprocess.Popen[str], *expected: str) -> None:
    """Read its lines until the first that begins with one of ``expected``."""
    assert process.stdout is not None
    while True:
        line = await asyncio.to_thread(process.stdout.readline)
        assert line, f"it ended before it said {expected}"
        if line.startswith(expected):
            return


async def work_until_done(hub: TaskHub, worker: HubWorker, ids: list[InstanceId]) -> None:
    while not await all_done(hub, ids):
        try:
            taken = await asyncio.wait_for(worker.take(episodes=20, activities=20), 2)
        except TimeoutError:
            continue
        for work in taken:
            if isinstance(work, ActivityWork):
                await asyncio.to_thread(worker.answer, work, answer_event(work), lambda given: None)
            elif isinstance(work, Episode):
                await commit(worker, work, outcome_of(work))
                await worker.release(work.session.instance)


async def all_done(hub: TaskHub, ids: list[InstanceId]) -> bool:
    found = [await hub.read(instance) for instance in ids]
    return all(each is not None and each.status is RuntimeStatus.COMPLETED for each in found)


async def test_work_of_a_killed_process_is_taken_over_within_a_second(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    with peer(hubs.folder, die_at="hold") as process:
        await says(process, "working")
        await start(hub)
        await says(process, "activity")
        process.send_signal(signal.SIGSTOP)
        async with working(hub) as worker:
            assert await nothing_comes(worker), "a stopped process is alive"
            process.kill()
            killed = monotonic()
            assert (await activity(worker)).task == 0
            assert monotonic() - killed < 1


async def test_nothing_is_left_in_the_file_system_of_a_process_that_was_killed(
    hubs: SqliteHubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where sockets go whose own folder has too long a name
    hub = hubs.open()
    with peer(hubs.folder, die_at="hold") as process:
        await says(process, "working")
        await start(hub)
        await says(process, "activity")
        assert _files_of_workers(hubs.folder, tmp_path)
        process.kill()
        async with working(hub) as worker:
            assert (await activity(worker)).task == 0
    assert not _files_of_workers(hubs.folder, tmp_path)


def _files_of_workers(*folders: Path) -> list[Path]:
    return [
        path
        for folder in folders
        for pattern in ("**/*.sock", "**/*.lock")
        for path in folder.glob(pattern)
        if path.name != "test.db.lock"
    ]


async def test_a_clock_that_jumps_takes_nothing_from_the_living(hubs: SqliteHubs) -> None:
    clock = JumpingClock()
    hub = hubs.open(clock=clock)
    async with working(mine := hubs.open(), "alice") as alice:
        await start(mine)
        held = await episode(alice)
        async with working(hub, "bob") as bob:
            clock.ahead = 10**6 * TICKS_PER_SECOND
            assert await nothing_comes(bob)
            clock.ahead = -(10**6) * TICKS_PER_SECOND
            assert await nothing_comes(bob)
        assert isinstance(await commit(alice, held, append(raised())), Committed)


class JumpingClock(SystemClock):
    ahead = 0

    def now(self) -> Instant:
        return Instant(super().now() + self.ahead)


@pytest.mark.parametrize("point", ["begin", "statements", "commit", "committed"])
@pytest.mark.parametrize("after", [4, 9, 14])
async def test_a_kill_at_any_point_loses_and_doubles_nothing(hubs: SqliteHubs, point: str, after: int) -> None:
    hub = hubs.open()
    ids = [InstanceId(f"i{n}") for n in range(10)]
    with peer(hubs.folder, die_at=point, after=after) as process:
        await says(process, "working")
        await asyncio.gather(*(start(hub, instance) for instance in ids))
        await asyncio.to_thread(process.wait, 20)
        assert process.returncode == -signal.SIGKILL
        async with working(hub) as worker:
            await work_until_done(hub, worker, ids)
    for instance in ids:
        assert is_right(list(await hub.history(instance)))
    assert leftovers(hubs.path) == (0, 0)


async def test_two_processes_share_the_work_and_do_each_piece_once(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    ids = [InstanceId(f"i{n}") for n in range(30)]
    with peer(hubs.folder) as process:
        await says(process, "working")
        async with working(hub) as worker:
            await asyncio.gather(*(start(hub, instance) for instance in ids))
            await work_until_done(hub, worker, ids)
    for instance in ids:
        assert is_right(list(await hub.history(instance)))
    assert leftovers(hubs.path) == (0, 0)


def leftovers(path: Path) -> tuple[int, int]:
    """Activities and messages that are still in the database."""
    connection = sqlite3.connect(path)
    try:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("activity", "message")
        ]
        return counts[0], counts[1]
    finally:
        connection.close()


def a_child_that_inherits_all() -> subprocess.Popen[bytes]:
    """It waits for a line."""
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)


async def test_a_worker_lock_is_not_inherited_by_a_child(tmp_path: Path) -> None:
    locks = WorkerLocks(tmp_path)
    lock = locks.take(WorkerId("me"))
    assert locks.is_alive(WorkerId("me"))
    with a_child_that_inherits_all() as child:
        lock.close()
        # The kernel closes what is not inherited a moment after the parent goes on.
        await until(lambda: not locks.is_alive(WorkerId("me")))
        child.communicate(b"\n")


def test_a_lock_whose_file_was_removed_is_noticed(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "a.lock")
    assert lock.is_at_its_path()
    (tmp_path / "a.lock").unlink()
    assert not lock.is_at_its_path()
    lock.close()
