"""A task hub whose workers are wrapped: points to kill at, and answers that a healthy hub gives rarely."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from funchost.durable.entities.inbox import is_request
from funchost.durable.entities.messages import LOCK_ACQUIRED, RELEASE, read_request, succeeded
from funchost.durable.events import EventRaised, HistoryEvent
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import (
    ActivityWork,
    Episode,
    HubWorker,
    Outcome,
    Revoked,
    Rewind,
    Settled,
    Snapshot,
    fits_all,
)
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.taskhub.sqlite.committer import no_fault

__all__ = ["Hasty", "PointedWorker", "WorkerWrapper", "WrappedHub"]


class WorkerWrapper:
    """Hands everything on; what is to be different is overridden."""

    def __init__(self, inner: HubWorker) -> None:
        self.inner = inner

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        return await self.inner.take(episodes=episodes, activities=activities)

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        self.inner.commit(episode, outcome, then)

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        self.inner.answer(work, event, then)

    async def abandon(self, work: Episode | ActivityWork, *, delay: timedelta, why: str) -> None:
        await self.inner.abandon(work, delay=delay, why=why)

    async def postpone(self, work: ActivityWork, *, rest: str, delay: timedelta) -> None:
        await self.inner.postpone(work, rest=rest, delay=delay)

    async def release(self, instance: InstanceId) -> None:
        await self.inner.release(instance)


class Hasty(WorkerWrapper):
    """Notes how long work that is given back shall wait, and does not let it wait."""

    def __init__(self, inner: HubWorker, delays: list[float]) -> None:
        super().__init__(inner)
        self._delays = delays

    async def abandon(self, work: Episode | ActivityWork, *, delay: timedelta, why: str) -> None:
        self._delays.append(delay.total_seconds())
        await super().abandon(work, delay=timedelta(), why=why)


class PointedWorker(WorkerWrapper):
    """Passes the named points of whatever the worker asks of the hub, and of what that means for entities and locks."""

    def __init__(self, inner: HubWorker, passed: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._passed = passed

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        self._passed("take")
        works = await super().take(episodes=episodes, activities=activities)
        self._passed("taken")
        for work in works:
            if isinstance(work, Episode) and any(is_response(message.event) for message in work.messages):
                self._passed("response")
        return works

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        locking = points_of_locks(episode, outcome)
        of_entity = isinstance(outcome.change, Snapshot)

        def pointed(settled: Settled) -> None:
            self._pass("settled", *(["batched"] if of_entity else []), *locking)
            then(settled)
            self._passed("heard")

        self._pass("submit", *(["batch"] if of_entity else []), *locking)
        super().commit(episode, outcome, pointed)

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        self._passed("answer")
        super().answer(work, event, then)
        self._passed("answered")

    async def postpone(self, work: ActivityWork, *, rest: str, delay: timedelta) -> None:
        self._passed("postpone")
        await super().postpone(work, rest=rest, delay=delay)
        self._passed("postpone")

    def _pass(self, *points: str) -> None:
        for point in points:
            self._passed(point)


def is_response(event: HistoryEvent) -> bool:
    """Whether an entity answers an orchestration with it: under the id of the request."""
    return isinstance(event, EventRaised) and event.name.count("-") == 4


def points_of_locks(episode: Episode, outcome: Outcome) -> list[str]:
    raised = [send.event for send in outcome.sends if isinstance(send.event, EventRaised)]
    locks = any(is_request(event.name) and read_request(event.input).is_lock for event in raised)
    points = list[str]()
    if isinstance(outcome.change, Snapshot):
        if locks or any(event.input == succeeded(LOCK_ACQUIRED) for event in raised):
            points.append("grant")
        if any(isinstance(m.event, EventRaised) and m.event.name == RELEASE for m in episode.messages):
            points.append("unlock")
        return points
    if locks:
        points.append("lock")
    if any(event.name == RELEASE for event in raised):
        points.append("release")
    return points


class WrappedHub(SqliteTaskHub):
    """The embedded hub, with ``wrap`` around each worker that joins. ``passed`` hears of the points of rewinding."""

    wrap: Callable[[HubWorker], HubWorker] = WorkerWrapper
    passed: Callable[[str], None] = staticmethod(no_fault)

    async def rewind(self, rewinds: Sequence[Rewind], reason: str | None) -> bool:
        self.passed("rewind")
        done = await super().rewind(rewinds, reason)
        if done:
            self.passed("rewound")
        return done

    def work(
        self, worker: WorkerId, *, unfit: Callable[[str], str | None] = fits_all
    ) -> AbstractAsyncContextManager[HubWorker]:
        return self._wrapped(worker, unfit)

    @asynccontextmanager
    async def _wrapped(self, worker: WorkerId, unfit: Callable[[str], str | None]) -> AsyncGenerator[HubWorker]:
        async with super().work(worker, unfit=unfit) as inner:
            yield self.wrap(inner)
