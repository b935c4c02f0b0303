"""Transactions that fail: at each of their points, with other writes beside them, and for lack of space."""

import asyncio
import json
import logging
import sqlite3
import threading
from collections.abc import Callable

import pytest

from funchost.errors import StorageError
from funchost.ids import InstanceId
from funchost.taskhub import Committed, Episode
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.taskhub.sqlite.executions import KEPT_FREE
from taskhub.acting import (
    activity,
    after,
    answer,
    append,
    commit,
    completed,
    episode,
    events_of,
    nothing_comes,
    raised,
    schedule,
    start,
    take_all,
    until,
    working,
)
from taskhub.conftest import SqliteHubs

ONE = InstanceId("one")
POINTS = ["begin", "statements", "commit", "committed"]


async def quiet(hub: SqliteTaskHub) -> None:
    """Until the hub has nothing to write of its own, which an armed fault would hit instead."""
    worker, committer = hub._worker, hub._committer
    assert worker is not None
    await until(lambda: not (worker.lookout.wanted or worker.left_behind.is_set() or committer._busy))


class FailAt:
    """Raises at ``point``, as often as armed."""

    def __init__(self, point: str, error: Callable[[], Exception] = lambda: StorageError("injected")) -> None:
        self._point = point
        self._error = error
        self.left = 0
        self.hit = 0

    def __call__(self, point: str) -> None:
        if point == self._point and self.left:
            self.left -= 1
            self.hit += 1
            raise self._error()


def full() -> Exception:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize("point", POINTS)
async def test_a_full_disk_delays_everything_and_loses_nothing(hubs: SqliteHubs, point: str) -> None:
    fault = FailAt(point, full)
    hub = hubs.open(fault=fault)
    async with working(hub) as worker:
        fault.left = 2
        await start(hub)
        first = await episode(worker)
        fault.left = 2
        settled = await commit(worker, first, schedule(here=1))
        assert isinstance(settled, Committed)
        fault.left = 2
        fused = append(completed(0), answered=[(settled.activities[0], completed(0))])
        assert isinstance(await commit(worker, after(first, settled), fused), Committed)
        fault.left = 2
        await hub.send(ONE, raised())
        assert events_of(await episode(worker)) == [raised()]
        assert len(await hub.history(ONE)) == 2
        fault.left = 1
        assert await hub.purge(ONE)
        assert fault.hit >= 5


async def test_the_full_disk_is_logged_once(hubs: SqliteHubs, caplog: pytest.LogCaptureFixture) -> None:
    fault = FailAt("commit", full)
    hub = hubs.open(fault=fault)
    fault.left = 3
    with caplog.at_level(logging.ERROR):
        await start(hub)
    (line,) = [record.getMessage() for record in caplog.records]
    assert ".db: the task hub cannot write (" in line
    assert "it keeps trying, and nothing is lost" in line


async def test_a_commit_whose_reply_was_lost_counts_as_committed(hubs: SqliteHubs) -> None:
    fault = FailAt("committed")
    hub = hubs.open(fault=fault)
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        await quiet(hub)
        fault.left = 1
        settled = await commit(worker, first, schedule(here=1))
        assert isinstance(settled, Committed)
        fault.left = 1
        assert await answer(worker, settled.activities[0])
        assert events_of(await episode(worker)) == [completed(0)]
        assert len(await hub.history(ONE)) == 1
        fault.left = 1
        await start(hub, "two")
        assert fault.hit == 3


@pytest.mark.parametrize("point", POINTS[:3])
async def test_a_commit_that_fails_for_no_known_reason_is_refused_and_its_work_comes_again(
    hubs: SqliteHubs, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funchost.taskhub.sqlite.worker._RETRY_AFTER_S", 0.1)
    fault = FailAt(point)
    hub = hubs.open(fault=fault)
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised("past")))
        await hub.send(ONE, raised("a"))
        taken = await episode(worker)
        await quiet(hub)
        fault.left = 1
        assert not isinstance(await commit(worker, taken, append(raised("b"))), Committed)
        again = await episode(worker)
        assert (events_of(again), again.session.past) == ([raised("a")], [raised("past")])
        assert isinstance(await commit(worker, again, append(raised("b"))), Committed)


async def test_an_answer_that_cannot_be_written_is_given_back(
    hubs: SqliteHubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funchost.taskhub.sqlite.worker._RETRY_AFTER_S", 0.1)
    fault = FailAt("statements")
    hub = hubs.open(fault=fault)
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        work = await activity(worker)
        await quiet(hub)
        fault.left = 1
        assert not await answer(worker, work)
        assert await answer(worker, again := await activity(worker))
        assert again.attempt == 2


async def test_one_bad_write_does_not_sink_the_others_of_its_batch(hubs: SqliteHubs) -> None:
    blocked = asyncio.Event()
    loop = asyncio.get_running_loop()
    release = SlowStart(loop, blocked)
    hub = hubs.open(fault=release)
    async with working(hub) as worker:
        for n in range(5):
            await start(hub, f"i{n}")
        episodes = await take_all(worker, Episode, 5)
        release.armed = True
        first = asyncio.create_task(hub.send(InstanceId("nobody"), raised()))
        await asyncio.wait_for(blocked.wait(), 5)
        # All of these now wait for the next transaction. An activity key that is there twice breaks it.
        bad = schedule(2)
        bad = append(raised(), activities=[bad.activities[0], bad.activities[0]])
        outcomes = [bad, *(append(raised(str(n))) for n in range(4))]
        commits = [
            asyncio.create_task(commit(worker, on, outcome)) for on, outcome in zip(episodes, outcomes, strict=True)
        ]
        await until(lambda: len(hub._committer._pending) == 5)
        release.go.set()
        settled = await asyncio.gather(*commits)
        assert [isinstance(each, Committed) for each in settled] == [False] + [True] * 4
        await first


class SlowStart:
    """Holds the first transaction after arming at its beginning."""

    def __init__(self, loop: asyncio.AbstractEventLoop, blocked: asyncio.Event) -> None:
        self.armed = False
        self.go = threading.Event()
        self._loop = loop
        self._blocked = blocked

    def __call__(self, point: str) -> None:
        if self.armed and point == "begin":
            self.armed = False
            self._loop.call_soon_threadsafe(self._blocked.set)
            self.go.wait(10)


async def test_text_that_is_not_unicode_is_refused_before_it_is_queued(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    with pytest.raises(UnicodeEncodeError):
        await start(hub, input='"\ud800"')
    async with working(hub) as worker:
        assert await nothing_comes(worker)


async def test_an_id_that_is_not_unicode_is_refused_before_it_is_queued(
    hubs: SqliteHubs, caplog: pytest.LogCaptureFixture
) -> None:
    hub, bad = hubs.open(), InstanceId("@counter@\ud800")
    with pytest.raises(UnicodeEncodeError):
        await hub.send(bad, raised("a"))
    with pytest.raises(UnicodeEncodeError):
        await hub.purge(bad)
    assert not caplog.records


async def test_histories_left_behind_are_swept(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        settled = await commit(worker, taken, append(raised()))
        for _ in range(600):
            settled = await commit(worker, after(taken, settled), append(raised()))
        await hub.purge(ONE)
        connection = sqlite3.connect(hubs.path)
        try:
            await until(lambda: not connection.execute("SELECT count(*) FROM execution").fetchone()[0])
            assert connection.execute("SELECT count(*) FROM history").fetchone()[0] == 0
        finally:
            connection.close()


async def test_the_file_shrinks_in_small_steps_when_what_filled_it_is_gone(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        large = json.dumps("x" * 5_000_000)
        await commit(worker, taken, append(raised(text=large)))
        connection = sqlite3.connect(hubs.path)
        try:
            assert connection.execute("PRAGMA page_count").fetchone()[0] > KEPT_FREE + 150
            await hub.purge(ONE)
            await until(lambda: connection.execute("PRAGMA page_count").fetchone()[0] < KEPT_FREE + 100)
        finally:
            connection.close()
