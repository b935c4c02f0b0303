"""What a worker makes of a hub that refuses, of code that hangs, and of its own mistakes."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from funchost.durable.events import EventRaised, HistoryEvent, TaskCompleted, TaskFailed
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import ActivityWork, Episode, HubWorker, Lost, Outcome, Settled
from funchost.taskhub.worker.advance import Advance
from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.taskhub.worker.limits import Limits
from funchost.taskhub.worker.slots import ActivitySlots
from recovery.host import LIMIT_S, Folder
from recovery.lives import Lives
from recovery.verify import nothing_waits
from recovery.working import Working, at_most, working
from recovery.wrapped import Hasty, WorkerWrapper

Code = Generator[Any, Any, Any]


def three_steps(context: Any) -> Code:
    total = 0
    for step in range(3):
        total += yield context.call_activity("count", step)
    return total


def side_by_side(context: Any) -> Code:
    values = yield context.task_all([context.call_activity("count", step) for step in range(10)])
    return sum(values)


class Refusing(WorkerWrapper):
    """Refuses the first outcome with an answer in it, as if another had been faster; nothing of it is written."""

    def __init__(self, inner: HubWorker) -> None:
        super().__init__(inner)
        self._refused = False

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        if outcome.answered and not self._refused:
            self._refused = True
            then(Lost())
        else:
            super().commit(episode, outcome, then)


class Counted:
    """An activity that counts how often it ran with each argument."""

    def __init__(self) -> None:
        self.runs = Counter[Any]()

    def __call__(self, argument: Any) -> int:
        self.runs[argument] += 1
        return 1


async def test_an_instance_that_was_lost_goes_on_with_its_answers(folder: Folder) -> None:
    count = Counted()
    async with working(folder, {"flow": three_steps}, {"count": count}, wrap=Refusing) as here:
        end = await here.end_of(await here.start("flow"))
        assert (end.status, end.output) == (RuntimeStatus.COMPLETED, "3")
    assert count.runs == {0: 1, 1: 1, 2: 1}


class EndLog:
    """Keeps what is told of ends."""

    def __init__(self) -> None:
        self.ends = list[RuntimeStatus]()

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None:
        if result.ended is not None:
            self.ends.append(result.ended)


async def test_an_end_is_told_once_although_its_first_outcome_was_refused(folder: Folder) -> None:
    def one_step(context: Any) -> Code:
        return (yield context.call_activity("count", 0))

    log = EndLog()
    async with working(folder, {"flow": one_step}, {"count": Counted()}, wrap=Refusing) as here:
        here.worker.orchestrations.log = log
        await here.end_of(await here.start("flow"))
    assert log.ends == [RuntimeStatus.COMPLETED]


async def test_lives_are_told_once_each_although_an_outcome_was_refused(folder: Folder) -> None:
    lives = Lives()
    async with working(folder, {"flow": three_steps}, {"count": Counted()}, wrap=Refusing) as here:
        here.worker.orchestrations.observer = lives
        await here.end_of(await here.start("flow"))
        await here.stop()
    assert lives.told == ["flow flow Running", "flow flow Completed"]


async def test_an_instance_that_goes_on_in_another_host_is_told_of_once(folder: Folder) -> None:
    def step_and_wait(context: Any) -> Code:
        yield context.call_activity("count", 0)
        return (yield context.wait_for_external_event("go"))

    lives, stepped = Lives(), threading.Event()
    async with working(folder, {"flow": step_and_wait}, {"count": lambda _: stepped.set()}) as here:
        here.worker.orchestrations.observer = lives
        instance = await here.start("flow")
        assert await asyncio.to_thread(stepped.wait, LIMIT_S)
    async with working(folder, {"flow": step_and_wait}, {"count": lambda _: None}) as here:
        here.worker.orchestrations.observer = lives
        await here.hub.send(instance, EventRaised(timestamp=Instant(1), name="go", input="2"))
        await here.end_of(instance)
        await here.stop()
    assert lives.told == ["flow flow Running", "flow flow Completed"]


async def test_an_answer_that_was_taken_is_left_out_and_the_others_count(folder: Folder) -> None:
    count = Counted()
    async with working(folder, {"flow": side_by_side}, {"count": count}, wrap=AnsweringFirst) as here:
        instance = await here.start("flow")
        end = await here.end_of(instance)
        assert (end.status, end.output) == (RuntimeStatus.COMPLETED, "10")
        answered = Counter(
            event.task_id for event in await here.hub.history(instance) if isinstance(event, TaskCompleted)
        )
        assert answered == Counter(range(10))
    assert nothing_waits(folder)
    assert all(runs == 1 for runs in count.runs.values())


class AnsweringFirst(WorkerWrapper):
    """Before an outcome with answers, its first answer is given alone, as another attempt would have done."""

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        if outcome.answered:
            work, event = outcome.answered[0]
            self.inner.answer(work, event, lambda accepted: None)
        super().commit(episode, outcome, then)


async def test_an_answer_becomes_durable_while_the_orchestrator_hangs(folder: Folder) -> None:
    hangs, given, go_on = threading.Event(), threading.Event(), threading.Event()

    def hanging(context: Any) -> Code:
        yield context.call_activity("count", 0)
        hangs.set()
        assert go_on.wait(20)
        return "out"

    async with working(folder, {"flow": hanging}, {"count": Counted()}, wrap=lambda hub: Telling(hub, given)) as here:
        instance = await here.start("flow")
        assert await asyncio.to_thread(hangs.wait, 20)
        assert await asyncio.to_thread(given.wait, 20)
        go_on.set()
        assert (await here.end_of(instance)).output == '"out"'


class Telling(WorkerWrapper):
    """``given`` once an answer was made durable by itself."""

    def __init__(self, inner: HubWorker, given: threading.Event) -> None:
        super().__init__(inner)
        self._given = given

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        def told(accepted: bool) -> None:
            then(accepted)
            if accepted:
                self._given.set()

        super().answer(work, event, told)


async def test_an_episode_that_cannot_be_run_is_tried_again_from_the_store(folder: Folder) -> None:
    count = Counted()
    async with working(folder, {"flow": three_steps}, {"count": count}) as here:
        _break(here, {2})
        end = await here.end_of(await here.start("flow"))
        assert (end.status, end.output) == (RuntimeStatus.COMPLETED, "3")
    assert count.runs == {0: 1, 1: 1, 2: 1}


async def test_each_further_attempt_waits_longer(folder: Folder) -> None:
    delays = list[float]()
    async with working(
        folder, {"flow": three_steps}, {"count": Counted()}, wrap=lambda hub: Hasty(hub, delays)
    ) as here:
        _break(here, {1, 2, 3})
        assert (await here.end_of(await here.start("flow"))).output == "3"
    assert delays == [2, 4, 8]


def _break(here: Working, episodes: set[int]) -> None:
    """A mistake in our own code: nothing can be made for these episodes of an instance to run in."""
    engine, calls = here.worker.orchestrations.engine, Counter[str]()

    def variables(name: str, instance: InstanceId) -> Any:
        calls[instance] += 1
        if calls[instance] in episodes:
            raise RuntimeError("a mistake of the host")
        return engine.variables(name, instance)

    here.worker.orchestrations.engine = replace(engine, variables=variables)


class Unstorable(WorkerWrapper):
    """Cannot encode what starts an instance of the id ``unstorable``."""

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        if any(send.to == "unstorable" for send in outcome.sends):
            "\ud800".encode()
        super().commit(episode, outcome, then)


async def test_what_cannot_be_stored_fails_its_instance_and_takes_no_slot_of_an_activity(folder: Folder) -> None:
    def calls(context: Any) -> Code:
        yield context.call_activity("count", context.instance_id)
        yield context.call_sub_orchestrator("flow", instance_id="unstorable")

    count = Counted()
    async with working(
        folder,
        {"calls": calls, "flow": three_steps},
        {"count": count},
        limits=Limits(activities=2),
        wrap=Unstorable,
    ) as here:
        for name in ("a", "b", "c"):
            end = await here.end_of(await here.start("calls", instance=name))
            assert end.status is RuntimeStatus.FAILED
            assert (end.output or "").startswith(
                "Orchestrator function 'calls' failed: what it asks for cannot be stored: 'utf-8' codec can't encode"
            )
        answers = [event for event in await here.hub.history(InstanceId("a")) if isinstance(event, TaskCompleted)]
        assert (await here.end_of(await here.start("flow"))).output == "3"
    assert (count.runs["a"], len(answers)) == (1, 1)
    assert nothing_waits(folder)


class Here:
    """Threads that run what they are given at once; what it raises is dropped, as theirs do."""

    def submit(self, task: Callable[[], object]) -> None:
        with suppress(Exception):
            task()


def test_a_mistake_of_ours_costs_no_slot_of_an_activity() -> None:
    begun = list[str]()

    def start(work: ActivityWork) -> bool:
        begun.append(work.name)
        raise RuntimeError("a mistake of the host")

    slots = ActivitySlots(1, Here(), start, lambda: None)
    slots.add([_work("first"), _work("second")])
    slots.add([_work("third")])
    assert begun == ["first", "second", "third"]
    assert (slots.room, slots.in_use) == (1, False)


def _work(name: str) -> ActivityWork:
    return ActivityWork(InstanceId("a"), ExecutionId("e"), 0, name, None, None)


async def test_an_answer_that_has_found_its_instance_just_before_it_was_forgotten_does_not_resume_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, resumed = threading.Event(), list[bool]()

    def flow(context: Any) -> Code:
        yield context.call_activity("one", None)
        resumed.append(context.is_replaying)

    def one(argument: Any) -> int:
        assert go.wait(LIMIT_S)
        return 1

    class Answering(WorkerWrapper):
        def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
            alone.set()

    alone = threading.Event()
    limits = Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=60)))
    async with working(folder, {"flow": flow}, {"one": one}, limits=limits, wrap=Answering) as here:
        instance, orchestrations = await here.start("flow"), here.worker.orchestrations
        while (live := orchestrations.live.get(instance)) is None or not live.past or live.busy:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        orchestrations.forget(instance)
        monkeypatch.setattr(orchestrations.live, "get", {instance: live}.get)
        go.set()
        assert await asyncio.to_thread(alone.wait, LIMIT_S)
    assert not resumed


async def test_an_activity_that_the_worker_does_not_have_fails_its_task(folder: Folder) -> None:
    async with working(folder, {"flow": three_steps}, {"count": Counted()}) as here:
        del here.worker._activities._functions["count"]  # type: ignore[attr-defined]
        instance = await here.start("flow")
        end = await here.end_of(instance)
        assert end.status is RuntimeStatus.FAILED
        (failed,) = [event for event in await here.hub.history(instance) if isinstance(event, TaskFailed)]
        assert "does not exist" in (failed.reason or "")


async def test_a_running_activity_is_waited_for_when_the_worker_stops(folder: Folder) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def count(argument: Any) -> int:
        begun.set()
        assert go_on.wait(20)
        return 1

    async with working(folder, {"flow": three_steps}, {"count": count}) as here:
        instance = await here.start("flow")
        assert await asyncio.to_thread(begun.wait, 20)
        stopping = asyncio.create_task(here.stop())
        await asyncio.sleep(0)
        go_on.set()
        await at_most(stopping)
    again = Counted()
    async with working(folder, {"flow": three_steps}, {"count": again}) as here:
        assert (await here.end_of(instance)).output == "3"
    # Whether further steps began before the worker heard of its end is a matter of luck.
    assert again.runs[0] == 0, "the first step was answered before the worker left"


async def test_a_worker_does_not_wait_for_ever(folder: Folder) -> None:
    begun = threading.Event()

    async def count(argument: Any) -> int:
        begun.set()
        await asyncio.Event().wait()
        return 1

    async with working(folder, {"flow": three_steps}, {"count": count}, drain=timedelta(seconds=0.1)) as here:
        instance = await here.start("flow")
        assert await asyncio.to_thread(begun.wait, 20)
        at = time.monotonic()
        await here.stop()
        assert time.monotonic() - at < 5
    again = Counted()
    async with working(folder, {"flow": three_steps}, {"count": again}) as here:
        assert (await here.end_of(instance)).output == "3"
    assert again.runs == {0: 1, 1: 1, 2: 1}, "what was cut off runs again elsewhere"
