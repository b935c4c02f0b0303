"""A task hub whose workers are wrapped: points to kill at, and answers that a healthy hub gives rarely."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from funchost.durable.events import HistoryEvent
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import ActivityWork, Episode, HubWorker, Outcome, Revoked, Settled, fits_all
from funchost.taskhub.sqlite import SqliteTaskHub

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
    """Passes a named point before and after whatever the worker asks of the hub."""

    def __init__(self, inner: HubWorker, passed: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._passed = passed

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        self._passed("take")
        works = await super().take(episodes=episodes, activities=activities)
        self._passed("taken")
        return works

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        def pointed(settled: Settled) -> None:
            self._passed("settled")
            then(settled)
            self._passed("heard")

        self._passed("submit")
        super().commit(episode, outcome, pointed)

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        self._passed("answer")
        super().answer(work, event, then)
        self._passed("answered")


class WrappedHub(SqliteTaskHub):
    """The embedded hub, with ``wrap`` around each worker that joins."""

    wrap: Callable[[HubWorker], HubWorker] = WorkerWrapper

    def work(
        self, worker: WorkerId, *, unfit: Callable[[str], str | None] = fits_all
    ) -> AbstractAsyncContextManager[HubWorker]:
        return self._wrapped(worker, unfit)

    @asynccontextmanager
    async def _wrapped(self, worker: WorkerId, unfit: Callable[[str], str | None]) -> AsyncGenerator[HubWorker]:
        async with super().work(worker, unfit=unfit) as inner:
            yield self.wrap(inner)
