"""A durable HTTP API on an embedded task hub, without an engine: tests write what an engine would."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from funchost.clock import SystemClock
from funchost.durable.events import HistoryEvent, OrchestratorCompleted, OrchestratorStarted
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import Append, Committed, Episode, HubWorker, Outcome, Settled, StatusChange, TaskHub
from funchost.taskhub.client import HubClient
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.web.durable.api import DurableApi
from funchost.web.durable.endpoints import local_app, public_app
from funchost.web.durable.links import Webhook

__all__ = ["ORIGIN", "WEBHOOK", "App", "InstantClock", "OpenApp", "durable_app"]

ORIGIN = "http://caller.example:8080"
WEBHOOK = Webhook("https://app.example", query="code=KEY")
_LOCAL_ORIGIN = "http://127.0.0.1:17071"
_TIMEOUT_S = 10


class InstantClock(SystemClock):
    """A sleep is over at once, ``monotonic`` moves on by it, and ``while_asleep`` runs in between."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self.slept: list[float] = []
        self.while_asleep: Callable[[], Awaitable[None]] | None = None

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._seconds += seconds
        if self.while_asleep is not None:
            await self.while_asleep()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if not event.is_set():
            await self.sleep(seconds)
        return event.is_set()


class App:
    """``public`` and ``local`` ask through the doors of that name; ``hub`` is what they change."""

    def __init__(self, hub: TaskHub, worker: HubWorker, public: httpx.AsyncClient, local: httpx.AsyncClient) -> None:
        self.hub = hub
        self.public = public
        self.local = local
        self._worker = worker
        self._episodes: dict[str, Episode] = {}

    async def start(self, instance_id: str, *, input_text: str | None = None, name: str = "Hello") -> None:
        answer = await self.local.post(f"/durabletask/orchestrators/{name}/{instance_id}", content=input_text or "")
        assert answer.status_code == 202, answer.text

    async def advance(self, instance_id: str, change: StatusChange | None, *events: HistoryEvent) -> None:
        """Commit an episode of all messages that wait for the instance, with ``events`` after them."""
        episode = await self._episode(instance_id)
        now = SystemClock().now()
        received = [message.event for message in episode.messages]
        history = [OrchestratorStarted(timestamp=now), *received, *events, OrchestratorCompleted(timestamp=now)]
        settled = await self._commit(episode, Outcome(Append(history), status=change))
        assert isinstance(settled, Committed)
        await self._worker.release(InstanceId(instance_id))

    async def settle(self, instance_id: str, outcome: Outcome) -> None:
        """Commit ``outcome`` with all messages that wait for the instance."""
        assert isinstance(await self._commit(await self._episode(instance_id), outcome), Committed)
        await self._worker.release(InstanceId(instance_id))

    async def become(self, instance_id: str, status: RuntimeStatus, output: str | None = None) -> None:
        change = StatusChange(status, output) if output is not None else StatusChange(status)
        await self.advance(instance_id, change)

    async def received(self, instance_id: str) -> list[HistoryEvent]:
        """The messages that wait for the instance, in their order; they are taken."""
        return [message.event for message in (await self._episode(instance_id)).messages]

    async def _episode(self, instance_id: str) -> Episode:
        while instance_id not in self._episodes:
            async with asyncio.timeout(_TIMEOUT_S):
                work = await self._worker.take(episodes=10, activities=0)
            self._episodes |= {one.session.instance: one for one in work if isinstance(one, Episode)}
        return self._episodes.pop(instance_id)

    async def _commit(self, episode: Episode, outcome: Outcome) -> Settled:
        loop = asyncio.get_running_loop()
        settled: asyncio.Future[Settled] = loop.create_future()

        def then(result: Settled) -> None:
            loop.call_soon_threadsafe(settled.set_result, result)

        await asyncio.to_thread(self._worker.commit, episode, outcome, then)
        return await asyncio.wait_for(settled, _TIMEOUT_S)


OpenApp = Callable[..., AbstractAsyncContextManager[App]]
"""``durable_app`` in the folder of a test."""


@asynccontextmanager
async def durable_app(
    folder: Path,
    *,
    clock: SystemClock | None = None,
    replacing: frozenset[RuntimeStatus] | None = None,
    default_version: str = "",
) -> AsyncGenerator[App]:
    """An app with the orchestrators Hello and Other and the entity Counter, whose hub is TestHub."""
    async with AsyncExitStack() as stack:
        hub = SqliteTaskHub.open(folder / "hub.db", name="TestHub", data_dir=folder, clock=SystemClock())
        stack.push_async_callback(hub.close)
        worker = await stack.enter_async_context(hub.work(WorkerId("test-worker")))
        client = HubClient(
            hub,
            clock or SystemClock(),
            orchestrators={"hello": "Hello", "other": "Other"},
            entities={"counter": "Counter"},
            default_version=default_version,
            **({} if replacing is None else {"replacing": replacing}),
        )
        api = DurableApi(client, clock or SystemClock())
        public = public_app(api, WEBHOOK)
        local = local_app(api, WEBHOOK, origin=_LOCAL_ORIGIN)
        yield App(
            hub,
            worker,
            await stack.enter_async_context(
                httpx.AsyncClient(transport=httpx.ASGITransport(public), base_url=ORIGIN, timeout=_TIMEOUT_S)
            ),
            await stack.enter_async_context(
                httpx.AsyncClient(transport=httpx.ASGITransport(local), base_url=_LOCAL_ORIGIN, timeout=_TIMEOUT_S)
            ),
        )
