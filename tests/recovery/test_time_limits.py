"""Orchestrators that do not come to their next yield: stopped, tried again, failed in the end."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from funchost.durable.events import TaskCompleted
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.taskhub.worker.limits import Limits
from recovery.host import LIMIT_S, Folder
from recovery.verify import nothing_waits
from recovery.working import Working, working
from recovery.wrapped import Hasty

Code = Generator[Any, Any, Any]

SHORT = timedelta(milliseconds=100)
TEXT = "Timeout value of 00:00:00.1000000 was exceeded by function: Functions.flow"

LIMITS = Limits(function_timeout=SHORT, timeout_grace_s=0.2)


@asynccontextmanager
async def limited(
    folder: Folder,
    flow: Callable[[Any], Any],
    one: Callable[[Any], Any] = lambda argument: 1,
    *,
    limits: Limits = LIMITS,
    delays: list[float] | None = None,
    drain: timedelta = timedelta(seconds=10),
) -> AsyncGenerator[Working]:
    given_back = list[float]() if delays is None else delays
    async with working(
        folder,
        {"flow": flow, "quick": quick},
        {"one": one},
        limits=limits,
        wrap=lambda hub: Hasty(hub, given_back),
        drain=drain,
    ) as here:
        yield here


def quick(context: Any) -> Code:
    return (yield context.call_activity("one", "quick"))


def forever() -> None:
    while True:
        pass


async def test_an_orchestrator_that_never_yields_fails_the_third_time(folder: Folder) -> None:
    begun, delays = list[str](), list[float]()

    def flow(context: Any) -> Code:
        begun.append(context.instance_id)
        forever()
        yield

    async with limited(folder, flow, delays=delays) as here:
        end = await here.end_of(await here.start("flow"))
        history = await here.hub.history(InstanceId("flow"))
    assert (end.status, end.output) == (RuntimeStatus.FAILED, f"Orchestrator function 'flow' failed: {TEXT}")
    assert (len(begun), delays) == (3, [2, 4])
    assert [type(event).__name__ for event in history] == [
        "OrchestratorStarted",
        "ExecutionStarted",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    assert nothing_waits(folder)


async def test_a_parent_is_told_of_a_child_that_never_yields(folder: Folder) -> None:
    def flow(context: Any) -> Code:
        if context.parent_instance_id is None:
            try:
                yield context.call_sub_orchestrator("flow")
            except Exception as error:
                return str(error)
        forever()
        return None

    async with limited(folder, flow) as here:
        end = await here.end_of(await here.start("flow"))
    assert end.status is RuntimeStatus.COMPLETED
    assert TEXT in (end.output or "")


@pytest.mark.parametrize("kept", [None, timedelta(seconds=60)])
async def test_finished_activities_do_not_run_again_for_an_orchestrator_that_was_stopped(
    folder: Folder, kept: timedelta | None
) -> None:
    runs, stops = list[Any](), list[int]()

    def one(argument: Any) -> int:
        runs.append(argument)
        return 1

    def flow(context: Any) -> Code:
        total = yield context.call_activity("one", "first")
        if len(stops) < 2:
            stops.append(total)
            forever()
        return total + (yield context.call_activity("one", "second"))

    limits = replace(LIMITS, kept_code=KeptCodeLimits(idle=kept))
    async with limited(folder, flow, one, limits=limits) as here:
        instance = await here.start("flow")
        end = await here.end_of(instance)
        answers = [event for event in await here.hub.history(instance) if isinstance(event, TaskCompleted)]
    assert (end.status, end.output) == (RuntimeStatus.COMPLETED, "2")
    assert (runs, len(answers)) == (["first", "second"], 2)


async def test_only_stops_in_a_row_are_counted(folder: Folder) -> None:
    """Two of them before each of three steps."""
    stops = list[int]()

    def flow(context: Any) -> Code:
        for step in range(3):
            if not context.is_replaying and stops.count(step) < 2:
                stops.append(step)
                forever()
            yield context.call_activity("one", step)
        return "out"

    async with limited(folder, flow) as here:
        assert (await here.end_of(await here.start("flow"))).output == '"out"'
    assert stops == [0, 0, 1, 1, 2, 2]


async def test_a_finally_block_that_never_ends_costs_its_time_and_no_more(folder: Folder) -> None:
    def flow(context: Any) -> Code:
        try:
            yield context.wait_for_external_event("never")
        finally:
            forever()

    async with limited(folder, flow, limits=replace(LIMITS, episodes=1)) as here:
        await here.start("flow")
        assert (await here.end_of(await here.start("quick"))).output == "1"


class Blocked:
    """An orchestrator that hangs in a call which Python cannot interrupt, in its first ``times`` runs."""

    def __init__(self, times: int) -> None:
        self.inside = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.returned = threading.Semaphore(0)
        self._times = times

    def __call__(self, context: Any) -> Code:
        yield context.call_activity("one", "first")
        if self._times:
            self._times -= 1
            self.inside.release()
            try:
                self.go_on.wait()
            finally:
                context.set_custom_status("late")
                self.returned.release()
        return (yield context.call_activity("one", "second"))


async def test_a_thread_that_hangs_is_given_up_and_its_episode_runs_on_another(folder: Folder) -> None:
    blocked, runs = Blocked(times=2), list[Any]()
    try:
        async with limited(folder, blocked, lambda argument: runs.append(argument) or 1) as here:
            end = await here.end_of(await here.start("flow"))
            assert here.worker.threads_given_up == 2
    finally:
        blocked.go_on.set()
    assert (end.status, end.output) == (RuntimeStatus.COMPLETED, "1")
    assert runs == ["first", "second"]


async def test_what_a_thread_does_after_it_was_given_up_has_no_effect(folder: Folder) -> None:
    blocked = Blocked(times=1)

    def flow(context: Any) -> Code:
        yield from blocked(context)
        yield context.wait_for_external_event("never")

    async with limited(folder, flow) as here:
        instance = await here.start("flow")
        assert await asyncio.to_thread(blocked.inside.acquire, timeout=LIMIT_S)
        while await _answers(here, instance) < 2:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.005)
        before = await here.hub.history(instance)
        blocked.go_on.set()
        assert await asyncio.to_thread(blocked.returned.acquire, timeout=LIMIT_S)
        assert (await here.end_of(await here.start("quick"))).output == "1"
        assert await here.hub.history(instance) == before
        assert (await here.hub.read(instance)).custom_status is None  # type: ignore[union-attr]


async def test_threads_that_hang_leave_room_for_all_others(folder: Folder) -> None:
    """More of them than there are threads and slots."""
    go_on = threading.Event()

    def flow(context: Any) -> Code:
        yield context.call_activity("one", "first")
        go_on.wait()

    limits = replace(LIMITS, activities=2, episodes=2, claim_ahead=4)
    try:
        async with limited(folder, flow, limits=limits) as here:
            hanging = [await here.start("flow", instance=f"flow-{n}") for n in range(5)]
            for instance in hanging:
                assert (await here.end_of(instance)).status is RuntimeStatus.FAILED
            assert (await here.end_of(await here.start("quick"))).output == "1"
            assert here.worker.threads_given_up == 15
    finally:
        go_on.set()


async def test_an_orchestrator_that_hangs_does_not_keep_its_host_from_stopping(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = Blocked(times=1)
    limits = Limits(function_timeout=timedelta(minutes=30))
    async with limited(folder, blocked, limits=limits, drain=timedelta(seconds=0.1)) as here:
        instance = await here.start("flow")
        assert await asyncio.to_thread(blocked.inside.acquire, timeout=LIMIT_S)
        await here.stop()
    blocked.go_on.set()
    assert blocked.returned.acquire(timeout=LIMIT_S)
    async with limited(folder, Blocked(times=0)) as here:
        assert (await here.end_of(instance)).output == "1"
    assert not caplog.records, "nobody is told of what comes too late"


async def _answers(here: Working, instance: InstanceId) -> int:
    return sum(isinstance(event, TaskCompleted) for event in await here.hub.history(instance))
