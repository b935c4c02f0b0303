"""A worker in this process, for tests that look at one thing at a time."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from funchost.clock import Clock, SystemClock
from funchost.durable import payloads
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import NON_RUNNING
from funchost.ids import InstanceId
from funchost.taskhub import ActivityWork, HubWorker, Instance, NewInstance, TaskHub
from funchost.taskhub.worker.activity import Activity, encode
from funchost.taskhub.worker.entities import EntityLog
from funchost.taskhub.worker.limits import Limits
from funchost.taskhub.worker.worker import OrchestrationWorker
from recovery.host import LIMIT_S, Folder, open_hub, worker_on
from recovery.wrapped import WorkerWrapper, WrappedHub

__all__ = ["Called", "Working", "at_most", "working"]


@dataclass(frozen=True, slots=True)
class Called:
    """An activity that is a function of its argument, or a coroutine function."""

    name: str
    function: Callable[[Any], Any]
    is_async: bool = False

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        return encode(self.function(argument))

    async def call_async(self, argument: Any, work: ActivityWork) -> str | None:
        return encode(await self.function(argument))


@dataclass(slots=True)
class Working:
    """``running`` is the worker's task; whoever awaits it after :meth:`stop` sees how it ended."""

    hub: WrappedHub
    worker: OrchestrationWorker
    running: asyncio.Task[None]

    async def start(self, name: str, given: object = None, *, instance: str | None = None) -> InstanceId:
        new = NewInstance(InstanceId(instance or name), name, payloads.encode(given))
        await self.hub.start(new, replacing=NON_RUNNING)
        return new.id

    async def end_of(self, instance: InstanceId) -> Instance:
        return await end_of(self.hub, instance)

    async def stop(self) -> None:
        """As a host does; returns when the worker has drained."""
        self.running.cancel()
        await asyncio.wait([self.running], timeout=LIMIT_S)
        assert self.running.cancelled() or self.running.exception() is None


async def end_of(hub: TaskHub, instance: InstanceId) -> Instance:
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await hub.read(instance)
            if found is not None and found.status.is_terminal:
                return found
            await asyncio.sleep(0.002)


async def at_most(wait: Any) -> Any:
    return await asyncio.wait_for(wait, LIMIT_S)


@asynccontextmanager
async def working(
    folder: Folder,
    orchestrators: Mapping[str, Callable[[Any], Any]],
    activities: Mapping[str, Callable[[Any], Any]],
    *,
    clock: Clock | None = None,
    limits: Limits | None = None,
    wrap: Callable[[HubWorker], HubWorker] = WorkerWrapper,
    drain: timedelta = timedelta(seconds=10),
    threads: int = 8,
    entities: Mapping[str, Callable[[Any], Any]] | None = None,
    entity_log: EntityLog | None = None,
    entity_batch: int = 100,
    built_in: Sequence[Activity] = (),
    settings: EngineSettings | None = None,
) -> AsyncGenerator[Working]:
    """An activity may be a coroutine function; ``built_in`` are there besides, as they are.

    Leaving stops the worker and closes the hub.
    """
    clock = clock or SystemClock()
    hub = open_hub(folder, clock)
    hub.wrap = wrap
    names = DurableFunctions(
        [Orchestrator(name, call) for name, call in orchestrators.items()],
        activities,
        entities=[Entity(name, call) for name, call in (entities or {}).items()],
    )
    runnable: dict[str, Activity] = {
        name.lower(): Called(name, function, inspect.iscoroutinefunction(function))
        for name, function in activities.items()
    } | {activity.name.lower(): activity for activity in built_in}
    worker = worker_on(
        hub,
        clock,
        names,
        runnable,
        limits=limits or Limits(),
        threads=threads,
        entity_log=entity_log,
        entity_batch=entity_batch,
        settings=settings,
        drain=drain,
    )
    ready = asyncio.Event()
    running = asyncio.create_task(worker.run(ready.set))
    here = Working(hub, worker, running)
    try:
        await at_most(ready.wait())
        yield here
    finally:
        await here.stop()
        await hub.close()
