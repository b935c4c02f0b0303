"""Drives a task hub: fetches work and gives it to those who run it, until it is told to stop.

Orchestrations, entities and activities each have their own side here, with threads of their own. The event loop only
fetches work and runs asynchronous user code.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from funchost.clock import Clock
from funchost.durable.entities.ids import is_entity
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import ActivityWork, Episode, HubWorker, Revoked, TaskHub
from funchost.taskhub.worker.activities import Activities
from funchost.taskhub.worker.activity import Activity
from funchost.taskhub.worker.advance import Engine
from funchost.taskhub.worker.entities import EntitySide, EntityWorker
from funchost.taskhub.worker.errands import Errands
from funchost.taskhub.worker.limits import Limits, Phase
from funchost.taskhub.worker.orchestrations import EpisodeLog, Orchestrations
from funchost.taskhub.worker.slots import Threads
from funchost.taskhub.worker.transitions import LifeObserver
from funchost.time_limit import TimeLimit

__all__ = ["OrchestrationWorker"]

_LOOK_S = 5
"""Seconds between two looks at what memory holds."""


class OrchestrationWorker:
    """Works on a hub while :meth:`run` runs.

    ``user_threads`` run synchronous activities, ``episode_threads`` episodes that no activity's thread can run.
    """

    def __init__(
        self,
        hub: TaskHub,
        worker: WorkerId,
        engine: Engine,
        functions: Mapping[str, Activity],
        *,
        user_threads: Threads,
        episode_threads: Threads,
        clock: Clock,
        limits: Limits,
        log: EpisodeLog,
        entities: EntitySide,
        observer: LifeObserver | None = None,
        drain_timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._taskhub = hub
        self._worker = worker
        self._clock = clock
        self._limits = limits
        self._drain_timeout = drain_timeout
        self._phase = Phase()
        self._time_limit = TimeLimit(limits.function_timeout, clock.monotonic, grace_s=limits.timeout_grace_s)
        self.orchestrations = Orchestrations(
            engine,
            episode_threads,
            clock,
            limits,
            self._time_limit,
            self._phase,
            log=log,
            observer=observer,
            give_back=self._give_back,
            idle=self._signal_capacity,
        )
        self._entities = EntityWorker(
            entities, clock, self._time_limit, self._phase, give_back=self._give_back, idle=self._signal_capacity
        )
        self._activities = Activities(
            functions,
            limits.activities,
            threads=user_threads,
            answer_threads=episode_threads,
            clock=clock,
            answered=self.orchestrations.answered,
            freed=self._signal_capacity,
        )
        self._hub: HubWorker
        self._errands: Errands
        self._capacity = asyncio.Event()
        self._idle = asyncio.Event()
        self._waits_for_capacity = False

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; then finish what runs, for ``drain_timeout`` at most, and hand over the rest."""
        self._errands = Errands()
        unfit = self.orchestrations.engine.settings.left_to_others
        async with self._taskhub.work(self._worker, unfit=unfit) as hub:
            self._hub = hub
            self.orchestrations.serve(hub, self._activities.slots)
            self._entities.serve(hub)
            self._activities.serve(hub, self._errands)
            self._time_limit.start()
            started()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._fetch(), name="fetch-work")
                    tasks.create_task(self._forget_idle(), name="forget-idle-instances")
            finally:
                await self._drain()

    @property
    def threads_given_up(self) -> int:
        """How many threads hung in calls of orchestrators and entities that could not be ended."""
        return self._time_limit.threads_given_up

    # --- fetching --------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        while True:
            for work in await self._take(*await self._free()):
                match work:
                    case Episode():
                        if not self._received(work):
                            await self._hub.abandon(work, delay=timedelta(), why="its session was forgotten")
                    case ActivityWork():
                        self._activities.slots.add([work])
                    case Revoked():
                        self._forget(work.instance)

    def _received(self, episode: Episode) -> bool:
        """False: its messages need what is committed, which went out of memory while they were on their way."""
        if is_entity(episode.session.instance):
            return self._entities.receive(episode)
        return self.orchestrations.receive(episode)

    def _forget(self, instance: InstanceId) -> None:
        (self._entities if is_entity(instance) else self.orchestrations).forget(instance)

    async def _free(self) -> tuple[int, int]:
        """How many episodes and activities may be taken; waits until there is room for either.

        Activities that fill every slot and the queue must not keep orchestrations from what arrives for them.
        """
        while True:
            self._capacity.clear()
            self._waits_for_capacity = True
            episodes = self._limits.episodes - self.orchestrations.busy
            slots = self._activities.slots.room + self._limits.claim_ahead // 2
            if episodes > 0 or slots > 0:
                self._waits_for_capacity = episodes <= 0 or slots <= 0
                return max(0, episodes), max(0, slots)
            await self._capacity.wait()

    async def _take(self, episodes: int, slots: int) -> Sequence[Episode | ActivityWork | Revoked]:
        """What comes within that room; nothing, when there is more room before anything has come."""
        if episodes and slots:
            return await self._hub.take(episodes=episodes, activities=slots)
        take = asyncio.ensure_future(self._hub.take(episodes=episodes, activities=slots))
        more = asyncio.create_task(self._capacity.wait())
        try:
            await asyncio.wait((take, more), return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()
            take.cancel()
        await asyncio.wait((take,))
        return () if take.cancelled() else take.result()

    def _signal_capacity(self) -> None:
        if self._waits_for_capacity or self._phase.draining:
            self._waits_for_capacity = False
            self._errands.call(self._capacity.set)
            if self._phase.draining:
                self._errands.call(self._idle.set)

    def _give_back(self, episode: Episode, delay: timedelta, why: str) -> None:
        async def give_back() -> None:
            await self._hub.abandon(episode, delay=delay, why=why)
            await self._hub.release(episode.session.instance)

        self._errands.run(give_back)

    # --- memory and the end ----------------------------------------------------------------------

    async def _forget_idle(self) -> None:
        """Keep what is in memory within its bounds: the longest idle instances go first."""
        while True:
            await self._clock.sleep(_LOOK_S)
            for side in (self.orchestrations, self._entities):
                for instance in side.pop_beyond_the_bound():
                    await self._hub.release(instance)

    async def _drain(self) -> None:
        """Fetch no more; wait for what runs; what has not begun goes back with the claims of this worker."""
        self._phase.draining = True
        self._activities.slots.close()
        await asyncio.to_thread(self.orchestrations.give_all_alone)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_timeout.total_seconds()):
                while self._is_working():
                    self._idle.clear()
                    if self._is_working():
                        await self._idle.wait()
        self.orchestrations.close_kept_code()
        await self._errands.end()
        await asyncio.to_thread(self.orchestrations.stop)
        await asyncio.to_thread(self._time_limit.stop)
        self._phase.left = True

    def _is_working(self) -> bool:
        return self._activities.slots.in_use or self.orchestrations.busy > 0 or self._entities.in_use
