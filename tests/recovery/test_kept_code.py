"""Extended sessions: code stays suspended between episodes, for a while, and is closed where user code may run."""

import asyncio
import functools
import json
import threading
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from funchost.clock import SystemClock
from funchost.durable.events import EventRaised
from funchost.ids import InstanceId
from funchost.taskhub.worker.advance import Advance
from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.taskhub.worker.limits import Limits
from funchost.taskhub.worker.live import LiveInstance
from recovery.clocks import JumpingClock
from recovery.host import FORGET_S, LIMIT_S, Folder
from recovery.working import Working, working

Code = Generator[Any, Any, Any]
Flow = Callable[[Any], Any]

KEEPING = Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=60)))
COMPARING = Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=60), compare_every=1))
CLOSING = Limits()

LABEL: ContextVar[str] = ContextVar("label", default="nothing")


def one(argument: Any) -> int:
    return 1


async def ended(folder: Folder, flow: Flow, limits: Limits, *, given: object = None) -> Any:
    """The output of one run of ``flow``."""
    async with working(folder, {"flow": flow}, {"one": one}, limits=limits) as here:
        end = await here.end_of(await here.start("flow", given, instance=f"flow-{time.monotonic_ns()}"))
    assert end.output is not None
    return json.loads(end.output)


class Episodes:
    """Keeps what the worker tells of its episodes."""

    def __init__(self) -> None:
        self.replayed = list[int]()

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None:
        self.replayed.append(result.replayed)

    @property
    def replays(self) -> int:
        return sum(replayed > 0 for replayed in self.replayed)


async def test_kept_code_is_resumed_instead_of_run_again(folder: Folder) -> None:
    began = list[str]()

    def flow(context: Any) -> Code:
        began.append(context.instance_id)
        for step in range(5):
            yield context.call_activity("one", step)
        return "out"

    assert await ended(folder, flow, KEEPING) == "out"
    assert len(began) == 1


async def test_a_loop_of_many_steps_is_never_replayed(folder: Folder) -> None:
    def flow(context: Any) -> Code:
        total = 0
        for step in range(400):
            total += yield context.call_activity("one", step)
        return total

    episodes = Episodes()
    async with working(folder, {"flow": flow}, {"one": one}, limits=KEEPING) as here:
        here.worker.orchestrations.log = episodes
        assert (await here.end_of(await here.start("flow"))).output == "400"
    assert episodes.replays == 0


async def test_comparing_replays_a_long_history_only_when_it_has_doubled(folder: Folder) -> None:
    began = list[int]()

    def flow(context: Any) -> Code:
        began.append(1)
        for step in range(200):
            yield context.call_activity("one", step)
        return "out"

    assert await ended(folder, flow, COMPARING) == "out"
    assert 4 <= len(began) <= 11, "once, and after 2, 4, 8 … steps"


async def test_what_code_sets_in_its_context_is_there_when_it_is_resumed(folder: Folder) -> None:
    threads = set[int]()

    def flow(context: Any) -> Code:
        LABEL.set("mine")
        seen = list[str]()
        for step in range(20):
            threads.add(threading.get_ident())
            yield context.task_all([context.call_activity("one", step), context.call_activity("one", step)])
            seen.append(LABEL.get())
        return seen

    assert await ended(folder, flow, KEEPING) == ["mine"] * 20
    assert LABEL.get() == "nothing"


# --- closing -------------------------------------------------------------------------------------


def waiting(closed: Callable[[str], object]) -> Flow:
    """Tells where it was closed."""

    def flow(context: Any) -> Code:
        try:
            yield context.wait_for_external_event("go")
        finally:
            closed(f"{context.instance_id} {threading.current_thread().name.split('-')[0]}")

    return flow


async def test_code_that_nobody_needs_for_long_is_closed_on_an_episode_thread(folder: Folder) -> None:
    closed, places = threading.Event(), list[str]()
    clock = JumpingClock(impatient=FORGET_S)
    limits = Limits(kept_code=KeptCodeLimits(idle=timedelta(milliseconds=50)))
    flow = waiting(lambda place: (places.append(place), closed.set()))
    async with working(folder, {"flow": flow}, {"one": one}, clock=clock, limits=limits) as here:
        await here.start("flow")
        assert await asyncio.to_thread(closed.wait, LIMIT_S)
    assert places == ["flow episode"]


async def test_no_more_code_is_kept_than_the_bound_and_the_longest_idle_goes_first(folder: Folder) -> None:
    places, closed = list[str](), threading.Semaphore(0)
    limits = replace(KEEPING, kept_code=replace(KEEPING.kept_code, instances=3))
    flow = waiting(lambda place: (places.append(place), closed.release()))
    async with working(folder, {"flow": flow}, {"one": one}, limits=limits) as here:
        for n in range(5):
            await here.start("flow", instance=f"flow-{n}")
            await _idle_with_code(here, f"flow-{n}")
        for _ in range(2):
            assert await asyncio.to_thread(closed.acquire, timeout=LIMIT_S)
        assert places == ["flow-0 episode", "flow-1 episode"]
        for n in range(5):
            event = EventRaised(timestamp=SystemClock().now(), name="go", input="1")
            await here.hub.send(InstanceId(f"flow-{n}"), event)
            await here.end_of(InstanceId(f"flow-{n}"))


async def _idle_with_code(here: Working, instance: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not _has_idle_code(here.worker.orchestrations.live.get(InstanceId(instance))):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.002)


def _has_idle_code(live: LiveInstance | None) -> bool:
    return live is not None and not live.busy and live.engine is not None


# --- what is not kept ----------------------------------------------------------------------------


def by_histories(context: Any) -> Code:
    """Looks up in the history what it has."""
    for step in range(3):
        yield context.call_activity("one", step)
    return len([event for event in context.histories if event.event_type == 5])


def wrapped(flow: Flow) -> Flow:
    """A plain function that returns a generator of its own, and drives the author's code from there."""

    @functools.wraps(flow)
    def start(context: Any) -> Code:
        def drive() -> Code:
            return (yield from flow(context))

        return drive()

    return start


class Needed(BaseException):
    """Unwinds code that cannot yield up to the generator that can."""


def agent(context: Any, asked: list[Any]) -> Any:
    """Plain synchronous code that wants three results, one after the other."""
    results = list[Any]()
    for step in range(3):
        asked.append(context.call_activity("one", step))
        known = [event for event in context.histories if event.event_type == 5]
        if len(known) <= step:
            raise Needed
        results.append(json.loads(known[step].Result))
    return sum(results)


def unwinding(code: Callable[[Any, list[Any]], Any]) -> Flow:
    """Runs ``code`` at each step up to the first result that is not there, and then yields what it has asked for."""

    @functools.wraps(code)
    def start(context: Any) -> Code:
        def drive() -> Code:
            asked, result = list[Any](), None
            try:
                result = code(context, asked)
            except Needed:
                pass
            for task in asked:  # noqa: UP028 - what is sent in is not for a list
                yield task
            return result

        return drive()

    return start


def steps(context: Any) -> Code:
    total = 0
    for step in range(3):
        total += yield context.call_activity("one", step)
    return total


@pytest.mark.parametrize("limits", [CLOSING, KEEPING, COMPARING])
@pytest.mark.parametrize("flow", [wrapped(steps), unwinding(agent), by_histories])
async def test_wrappers_and_readers_of_the_history_give_the_same_in_every_mode(
    folder: Folder, flow: Flow, limits: Limits
) -> None:
    assert await ended(folder, flow, limits) == 3


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        (wrapped(steps), "a wrapper around the function makes its generator"),
        (unwinding(agent), "it reads context.histories"),
    ],
)
async def test_code_that_has_to_be_run_from_its_start_is_told_of_once(
    folder: Folder, flow: Flow, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    episodes = Episodes()
    async with working(folder, {"flow": flow}, {"one": one}, limits=KEEPING) as here:
        here.worker.orchestrations.log = episodes
        for n in range(2):
            await here.end_of(await here.start("flow", instance=f"flow-{n}"))
    (line,) = lines_of_flow(caplog)
    assert line.startswith("Orchestrator 'flow' is run again from the start at each step")
    assert line.endswith(why)
    assert episodes.replays == 6, "at each of three steps of both"


async def test_code_that_does_not_do_the_same_again_goes_on_as_its_replay(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    runs = list[int]()

    def flow(context: Any) -> Code:
        runs.append(1)
        mine = len(runs)
        yield context.call_activity("one", 0)
        return "resumed" if mine == 1 else "replayed"

    assert await ended(folder, flow, COMPARING) == "replayed"
    (line,) = lines_of_flow(caplog)
    assert "of 'flow' did not do the same when it was resumed" in line
    assert "ExecutionCompleted 1 when it was resumed, ExecutionCompleted 1 when it was replayed" in line


async def test_the_code_of_a_function_that_differed_is_kept_no_more(folder: Folder) -> None:
    runs = list[int]()

    def flow(context: Any) -> Code:
        runs.append(1)
        mine = len(runs)
        for step in range(4):
            yield context.call_activity("one", step if mine > 1 else "different")
        return mine

    assert await ended(folder, flow, COMPARING) == len(runs)
    assert len(runs) == 5, "at its start, and at each of four steps: the first of them differed"


async def test_a_slow_replay_without_sessions_is_told_of_once(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    clock = SkippingClock()

    def flow(context: Any) -> Code:
        for step in range(40):
            if step in (30, 33):
                clock.skip(0.2)
            yield context.call_activity("one", step)
        return "out"

    async with working(folder, {"flow": flow}, {"one": one}, clock=clock) as here:
        assert (await here.end_of(await here.start("flow"))).output == '"out"'
    (line,) = lines_of_flow(caplog)
    assert "with extendedSessionsEnabled in host.json it is kept" in line


class SkippingClock(SystemClock):
    """The machine's clock, of which some time is skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def skip(self, seconds: float) -> None:
        self._skipped += seconds

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped


def lines_of_flow(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "Function.flow"]
