"""The durable side of a host: the task hub and its worker, its HTTP API, and the clients that functions get.

Imported only for apps that use durable functions: it brings the web framework and the SDK's durable package.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from funchost import datafolder
from funchost.clock import Clock
from funchost.durable.status import NON_RUNNING, RuntimeStatus
from funchost.durable_http import HttpActivity, HttpClient, Tokens
from funchost.notifications import EventGridTopic, Publisher
from funchost.service.entities import entity_limit
from funchost.service.functions import PreparedApp
from funchost.service.orchestrations import EPISODE_THREADS, build_worker, durable_functions, worker_limits
from funchost.service.proxies import proxy_for
from funchost.settings import Settings
from funchost.taskhub import TaskHub
from funchost.taskhub.client import HubClient
from funchost.taskhub.retention import Sweep, retention, sweep_ended, sweep_entities
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.taskhub.worker.worker import OrchestrationWorker
from funchost.threads import ThreadPool
from funchost.web.asgi import ASGIApp
from funchost.web.durable.api import DurableApi
from funchost.web.durable.clients import HostClients
from funchost.web.durable.endpoints import local_app, public_app
from funchost.web.durable.links import webhook_of
from funchost.web.durable.local_socket import rpc_base_url, rpc_origin

__all__ = ["DurableSide", "open_durable_side"]


class DurableSide:
    """A lifetime, from :func:`open_durable_side`. ``local`` is the application of the local socket, None when
    host.json switches it off."""

    def __init__(
        self, hub: TaskHub, settings: Settings, local: socket.socket, clock: Clock, *, drain: timedelta
    ) -> None:
        durable = settings.durable
        # Filled when the functions are prepared; they need the clients for that.
        self._orchestrators: dict[str, str] = {}
        self._entities: dict[str, str] = {}
        client = HubClient(
            hub,
            clock,
            orchestrators=self._orchestrators,
            entities=self._entities,
            replacing=frozenset(RuntimeStatus) if durable.override_any_state else NON_RUNNING,
            default_version=durable.default_version,
        )
        api = DurableApi(client, clock, decode_sdk_events=durable.decode_sdk_events)
        self._client = client
        webhook = webhook_of(settings.setting("WEBSITE_HOSTNAME") or f"localhost:{settings.port}")
        self._settings, self._clock, self._drain = settings, clock, drain
        self._api, self._webhook = api, webhook
        self._user_threads = ThreadPool(worker_limits(settings).activities, name="activity")
        self._episode_threads = ThreadPool(EPISODE_THREADS, name="episode")
        self._entity_threads = ThreadPool(entity_limit(settings), name="entity")
        self._hub = hub
        self._publisher = _publisher(settings, hub.name, clock)
        self._http, self._tokens = HttpClient(proxy_for), Tokens(clock)
        self.local: ASGIApp | None = None
        rpc_url = None
        if durable.local_rpc_endpoint:
            self.local, rpc_url = local_app(api, webhook, origin=rpc_origin(local)), rpc_base_url(local)
        self.clients = HostClients(api, webhook=lambda: webhook, rpc_base_url=rpc_url, loop=asyncio.get_running_loop())

    def in_front_of(self, functions: ASGIApp) -> ASGIApp:
        """The public API, and ``functions`` for all other paths."""
        forwarded = self._settings.durable.use_forwarded_host
        return public_app(self._api, self._webhook, otherwise=functions, use_forwarded_host=forwarded)

    def work(self, prepared: PreparedApp, started: Callable[[], None]) -> Coroutine[Any, Any, None]:
        """From the call on, clients can start the app's orchestrators and signal its entities; the coroutine runs its
        durable functions until it is cancelled."""
        functions = durable_functions(prepared.app)
        self._orchestrators.update({name.lower(): name for name in functions.orchestrator_names})
        self._entities.update({name.lower(): name for name in functions.entity_names})
        worker = build_worker(
            self._hub,
            prepared.app,
            functions,
            self._settings,
            prepared.invokers,
            built_in=[self._http_activity()],
            user_threads=self._user_threads,
            episode_threads=self._episode_threads,
            entity_threads=self._entity_threads,
            clock=self._clock,
            drain=self._drain,
            observer=self._publisher,
        )
        return self._run(worker, started)

    def stop_waiting(self) -> None:
        """Answer now whoever waits for the end of an instance: it may be a long time until it goes on."""
        self._client.stop_waiting()

    async def _run(self, worker: OrchestrationWorker, started: Callable[[], None]) -> None:
        # Around the worker: what ends while it drains is told too.
        telling = nullcontext() if self._publisher is None else self._publisher.running()
        sweeps = self._sweeps()
        async with telling, retention(sweeps, self._clock) if sweeps else nullcontext():
            await worker.run(started)

    def _sweeps(self) -> list[Sweep]:
        keep = {RuntimeStatus(status): age for status, age in self._settings.durable.retention.items()}
        sweeps = [sweep_ended(self._hub, self._clock, keep)] if keep else []
        # An entity in which nothing is counts as completed.
        if RuntimeStatus.COMPLETED in keep:
            sweeps.append(sweep_entities(self._client.entities, keep[RuntimeStatus.COMPLETED]))
        return sweeps

    async def close(self) -> None:
        await self._http.close()
        await self._tokens.close()
        self._user_threads.close()
        self._episode_threads.close()
        self._entity_threads.close()
        await self._hub.close()

    def _http_activity(self) -> HttpActivity:
        poll_after = timedelta(milliseconds=self._settings.durable.http_poll_ms)
        return HttpActivity(self._http, self._tokens, self._clock, poll_after=poll_after)


def _publisher(settings: Settings, hub: str, clock: Clock) -> Publisher | None:
    notifications = settings.durable.notifications
    if notifications is None:
        return None
    return Publisher(
        EventGridTopic(notifications),
        hub,
        clock,
        event_types=notifications.event_types,
        retry_count=notifications.retry_count,
        retry_interval=notifications.retry_interval,
    )


@asynccontextmanager
async def open_durable_side(
    settings: Settings, local: socket.socket, clock: Clock, *, drain: timedelta
) -> AsyncGenerator[DurableSide]:
    """Open the embedded task hub of the app; leaving closes it. ``drain`` bounds how long its worker
    waits, when it stops, for what it began.

    Raises ConfigError where nothing can be written, ForeignDatabase for a file that is not ours.
    """
    name = settings.durable.hub_name
    datafolder.prepare(settings.data_dir)
    hub = SqliteTaskHub.open(
        settings.data_dir / "hubs" / f"{name.lower()}.db",
        name=name,
        data_dir=settings.data_dir,
        clock=clock,
        durability=settings.durable.durability,
    )
    side = DurableSide(hub, settings, local, clock, drain=drain)
    try:
        yield side
    finally:
        await side.close()
