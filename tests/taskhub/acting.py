"""What the tests do with a hub, in the words of a test: take an episode, commit steps, answer activities."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

from funchost.durable.events import (
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    ParentInstance,
    TaskCompleted,
    TaskScheduled,
)
from funchost.durable.status import NON_RUNNING, RuntimeStatus
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.instant import Instant
from funchost.taskhub import (
    ActivityWork,
    Append,
    Committed,
    Episode,
    HubWorker,
    NewActivity,
    NewInstance,
    Outcome,
    Revoked,
    Session,
    Settled,
    StatusChange,
    TaskHub,
)

T = TypeVar("T")

SOON_S = 5.0
"""A limit for what should come at once."""

NOT_AT_ALL_S = 0.15
"""How long the absence of something is watched."""

NOW = Instant(17_000_000_000_000_000)
RUNNING = StatusChange(status=RuntimeStatus.RUNNING)
FAILED = StatusChange(status=RuntimeStatus.FAILED, output="boom")
COMPLETED = StatusChange(status=RuntimeStatus.COMPLETED, output='"done"')


def working(hub: TaskHub, worker: str = "alice") -> AbstractAsyncContextManager[HubWorker]:
    return hub.work(WorkerId(worker))


async def start(hub: TaskHub, instance: str = "one", **more: Any) -> ExecutionId:
    replacing = more.pop("replacing", NON_RUNNING)
    return await hub.start(NewInstance(InstanceId(instance), more.pop("name", "Flow"), **more), replacing=replacing)


async def take(worker: HubWorker, *, episodes: int = 10, activities: int = 10) -> list[Any]:
    return list(await asyncio.wait_for(worker.take(episodes=episodes, activities=activities), SOON_S))


async def take_all(worker: HubWorker, kind: type[T], count: int = 1) -> list[T]:
    """Nothing of another kind is taken, but news of revoked sessions, which always comes."""
    found = list[T]()
    while len(found) < count:
        wanted = {kind.__name__: count - len(found)}
        work = await take(worker, episodes=wanted.get("Episode", 0), activities=wanted.get("ActivityWork", 0))
        found += [each for each in work if isinstance(each, kind)]
    return found


async def episode(worker: HubWorker) -> Episode:
    return (await take_all(worker, Episode))[0]


async def activity(worker: HubWorker) -> ActivityWork:
    return (await take_all(worker, ActivityWork))[0]


async def revoked(worker: HubWorker) -> Revoked:
    return (await take_all(worker, Revoked))[0]


async def nothing_comes(worker: HubWorker) -> bool:
    try:
        await asyncio.wait_for(worker.take(episodes=10, activities=10), NOT_AT_ALL_S)
    except TimeoutError:
        return True
    return False


async def commit(worker: HubWorker, on: Episode, outcome: Outcome) -> Settled:
    return await told(lambda then: worker.commit(on, outcome, then))


async def answer(worker: HubWorker, work: ActivityWork, result: str = '"hello"') -> bool:
    return await told(lambda then: worker.answer(work, completed(work.task, result), then))


async def until(holds: Callable[[], bool]) -> None:
    """For what has no signal: looked at often, and not for ever."""
    deadline = monotonic() + SOON_S
    while not holds():
        assert monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


async def told(call: Callable[[Callable[[Any], None]], None]) -> Any:
    """``call`` runs on a thread of its own; its callback's argument, which must come exactly once."""
    loop = asyncio.get_running_loop()
    heard = asyncio.Queue[Any]()

    def hear(result: Any) -> None:
        loop.call_soon_threadsafe(heard.put_nowait, result)

    await asyncio.to_thread(call, hear)
    result = await asyncio.wait_for(heard.get(), SOON_S)
    assert heard.empty()
    return result


def after(on: Episode, settled: Settled, *messages: Any) -> Episode:
    """The episode that a holder of the session makes by itself after a commit."""
    assert isinstance(settled, Committed), settled
    session = on.session
    return Episode(Session(session.instance, session.execution, settled.token, ()), messages)


def schedule(count: int = 1, *, first: int = 0, here: int = 0, **more: Any) -> Outcome:
    """Schedules ``count`` activities."""
    tasks = range(first, first + count)
    events = [TaskScheduled(timestamp=NOW, event_id=task, name="Act") for task in tasks]
    new = [NewActivity(task, "Act", f"[{task}]") for task in tasks]
    return replace(Outcome(Append(events), activities=new, status=RUNNING, run_here=here), **more)


def append(*events: HistoryEvent, **more: Any) -> Outcome:
    return replace(Outcome(Append(events)), **more)


def finish(**more: Any) -> Outcome:
    done = ExecutionCompleted(timestamp=NOW, status=RuntimeStatus.COMPLETED, result='"done"')
    return append(done, status=COMPLETED, **more)


def fail(*events: HistoryEvent, **more: Any) -> Outcome:
    failed = ExecutionCompleted(timestamp=NOW, status=RuntimeStatus.FAILED, result="boom", unhandled=[])
    return append(*events, failed, status=FAILED, **more)


def completed(task: int, result: str = '"hello"') -> TaskCompleted:
    return TaskCompleted(timestamp=NOW, task_id=task, result=result)


def raised(name: str = "Approval", text: str | None = None) -> EventRaised:
    return EventRaised(timestamp=NOW, name=name, input=text)


def child_start(child: str, parent: Session, task: int = 0) -> ExecutionStarted:
    return ExecutionStarted(
        timestamp=NOW,
        name="Child",
        instance_id=InstanceId(child),
        execution_id=ExecutionId("c" * 32),
        parent=ParentInstance("Flow", parent.instance, parent.execution, task),
    )


def events_of(on: Episode) -> Sequence[HistoryEvent]:
    return [message.event for message in on.messages]
