"""How much a worker does at once, how much it can be asked for, and how much it remembers."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any

from funchost.clock import SystemClock
from funchost.durable.events import EventRaised, TaskCompleted, TaskScheduled
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import ActivityWork, Episode, HubWorker, Revoked
from funchost.taskhub.worker.advance import Advance
from funchost.taskhub.worker.limits import Limits
from recovery.clocks import JumpingClock
from recovery.host import FORGET_S, Folder, SilentLog
from recovery.verify import nothing_waits
from recovery.working import Working, at_most, working
from recovery.wrapped import WorkerWrapper

Code = Generator[Any, Any, Any]


def wide(context: Any) -> Code:
    values = yield context.task_all([context.call_activity("one", i) for i in range(context.get_input())])
    return sum(values)


def deep(context: Any) -> Code:
    total = 0
    for step in range(context.get_input()):
        total += yield context.call_activity("one", step)
    return total


def waiting(context: Any) -> Code:
    return (yield context.wait_for_external_event("go"))


class Gauge:
    """How many are inside at once, and how many were at most."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


def one(argument: Any) -> int:
    return 1


async def test_no_more_activities_run_at_once_than_there_are_slots(folder: Folder) -> None:
    gauge, pause = Gauge(), threading.Event()

    def measured(argument: Any) -> int:
        with gauge:
            pause.wait(0.002)
            return 1

    async with working(folder, {"wide": wide}, {"one": measured}, limits=Limits(activities=3)) as here:
        assert (await here.end_of(await here.start("wide", 60))).output == "60"
    assert gauge.most == 3


async def test_async_activities_take_slots_as_well(folder: Folder) -> None:
    gauge = Gauge()

    async def measured(argument: Any) -> int:
        with gauge:
            await asyncio.sleep(0.002)
            return 1

    async with working(folder, {"wide": wide}, {"one": measured}, limits=Limits(activities=3)) as here:
        assert (await here.end_of(await here.start("wide", 60))).output == "60"
    assert gauge.most == 3


async def test_no_more_orchestrators_run_at_once_than_is_allowed(folder: Folder) -> None:
    """On the threads of activities as well, where their answers run them."""
    gauge, pause = Gauge(), threading.Event()

    def measured(context: Any) -> Code:
        for step in range(3):
            with gauge:
                pause.wait(0.002)
            yield context.call_activity("one", step)

    limits = Limits(activities=8, episodes=2)
    async with working(folder, {"measured": measured}, {"one": one}, limits=limits) as here:
        ids = [await here.start("measured", instance=f"measured-{i}") for i in range(20)]
        for instance in ids:
            assert (await here.end_of(instance)).status is RuntimeStatus.COMPLETED
    assert gauge.most == 2


async def test_an_async_activity_whose_own_task_was_cancelled_fails(folder: Folder) -> None:
    async def cancelled(argument: Any) -> int:
        inner = asyncio.create_task(asyncio.sleep(60))
        inner.cancel()
        await inner
        return 1

    async with working(folder, {"deep": deep}, {"one": cancelled}) as here:
        assert (await here.end_of(await here.start("deep", 1))).status is RuntimeStatus.FAILED


async def test_events_arrive_while_every_slot_is_taken_and_more_activities_wait(folder: Folder) -> None:
    go_on = threading.Event()

    def blocked(argument: Any) -> int:
        assert go_on.wait(20)
        return 1

    orchestrators = {"wide": wide, "waiting": waiting}
    async with working(folder, orchestrators, {"one": blocked}, limits=Limits(activities=2, claim_ahead=4)) as here:
        busy = await here.start("wide", 40)
        await _until(lambda: _scheduled(here, busy))
        waits = await here.start("waiting")
        await _raise(here, waits)
        assert (await here.end_of(waits)).output == '"now"'
        go_on.set()
        assert (await here.end_of(busy)).output == "40"


async def test_answers_do_not_wait_in_memory_for_a_thread_that_orchestrators_keep(folder: Folder) -> None:
    go_on, finish, inside = threading.Event(), threading.Event(), threading.Semaphore(0)

    def blocked(argument: Any) -> int:
        assert (finish if argument else go_on).wait(20)
        return 1

    def hanging(context: Any) -> Code:
        inside.release()
        assert finish.wait(20)
        yield from ()

    async with working(folder, {"wide": wide, "hanging": hanging}, {"one": blocked}) as here:
        busy = await here.start("wide", 2)
        await _until(lambda: _scheduled(here, busy))
        hangs = [await here.start("hanging", instance=f"hanging-{i}") for i in range(2)]
        await asyncio.gather(*(asyncio.to_thread(inside.acquire, timeout=20) for _ in hangs))
        await _raise(here, busy)
        await _until(lambda: _is_busy(here, busy))
        go_on.set()
        await _until(lambda: _has_unanswered(folder, 1))
        finish.set()
        assert (await here.end_of(busy)).output == "2"


async def test_a_fan_out_of_thousands_completes_without_a_replay_for_each_answer(folder: Folder) -> None:
    replayed = list[int]()

    class Log(SilentLog):
        def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None:
            replayed.append(result.replayed)

    async with working(folder, {"wide": wide}, {"one": one}) as here:
        here.worker.orchestrations.log = Log()
        assert (await here.end_of(await here.start("wide", 5_000))).output == "5000"
    assert nothing_waits(folder)
    assert sum(events > 0 for events in replayed) <= 3


async def test_a_thousand_instances_run_side_by_side(folder: Folder) -> None:
    async with working(folder, {"deep": deep}, {"one": one}) as here:
        ids = await asyncio.gather(*(here.start("deep", 3, instance=f"deep-{i}") for i in range(1_000)))
        for instance in ids:
            assert (await here.end_of(instance)).output == "3"
    assert nothing_waits(folder)


async def test_a_worker_forgets_what_is_idle_and_reads_it_again(folder: Folder) -> None:
    """Far more history than it may keep; each instance goes on when its event comes."""
    limits = Limits(events_in_memory=100)
    clock = JumpingClock(impatient=FORGET_S)

    def flow(context: Any) -> Code:
        total = yield from deep(context)
        yield context.wait_for_external_event("go")
        return total + (yield from deep(context))

    async with working(folder, {"flow": flow}, {"one": one}, clock=clock, limits=limits) as here:
        ids = await asyncio.gather(*(here.start("flow", 5, instance=f"flow-{i}") for i in range(20)))
        await _until(lambda: _remembers_little(here, limits))
        for instance in ids:
            await _raise(here, instance)
        for instance in ids:
            assert (await here.end_of(instance)).output == "10"


async def test_what_was_forgotten_with_messages_on_their_way_is_read_again(folder: Folder) -> None:
    """The memory is tidied up just when an event has been handed out for a session that it holds."""

    def flow(context: Any) -> Code:
        total = yield from deep(context)
        yield context.wait_for_external_event("go")
        return total

    forgot = list[InstanceId]()
    async with working(
        folder, {"flow": flow}, {"one": one}, wrap=lambda hub: Forgetful(hub, lambda: here, forgot)
    ) as here:
        instance = await here.start("flow", 3)
        await _until(lambda: _has_answers(here, instance, 3))
        await _raise(here, instance)
        assert (await here.end_of(instance)).output == "3"
    assert forgot == [instance]


class Forgetful(WorkerWrapper):
    """Makes the worker forget the session of an episode that comes without past, before it sees the episode."""

    def __init__(self, inner: HubWorker, here: Callable[[], Working], forgot: list[InstanceId]) -> None:
        super().__init__(inner)
        self._here = here
        self._forgot = forgot

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        works = await super().take(episodes=episodes, activities=activities)
        for work in works:
            if isinstance(work, Episode) and work.session.past is None:
                self._forgot.append(work.session.instance)
                self._here().worker._forget(work.session.instance)
                await self.inner.release(work.session.instance)
        return works


async def _raise(here: Working, instance: InstanceId) -> None:
    event = EventRaised(timestamp=SystemClock().now(), name="go", input=json.dumps("now"))
    await here.hub.send(instance, event)


async def _has_answers(here: Working, instance: InstanceId, count: int) -> bool:
    return sum(isinstance(event, TaskCompleted) for event in await here.hub.history(instance)) == count


async def _is_busy(here: Working, instance: InstanceId) -> bool:
    live = here.worker.orchestrations.live.get(instance)
    return live is not None and live.busy


async def _has_unanswered(folder: Folder, count: int) -> bool:
    connection = sqlite3.connect(folder.database)
    try:
        return connection.execute("SELECT count(*) FROM activity").fetchone() == (count,)
    finally:
        connection.close()


async def _scheduled(here: Working, instance: InstanceId) -> bool:
    return any(isinstance(event, TaskScheduled) for event in await here.hub.history(instance))


async def _remembers_little(here: Working, limits: Limits) -> bool:
    """And all have come to their event: five steps of four events each."""
    live = here.worker.orchestrations.live.all()
    histories = [await here.hub.history(InstanceId(f"flow-{i}")) for i in range(20)]
    return all(len(h) > 20 for h in histories) and sum(len(one.past) for one in live) <= limits.events_in_memory


async def _until(holds: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async def wait() -> None:
        while not await holds():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.005)

    await at_most(wait())
