"""A running host: web server, task hub and worker, from start to drained."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from funchost.app import FunctionApp
from funchost.clock import SystemClock
from funchost.service.functions import PreparedApp, listeners, prepare_functions, uses_durable, with_problems
from funchost.service.server import HttpServer
from funchost.service.store import choose_store
from funchost.settings import Settings
from funchost.spi import HostServices, Listener, discover_bindings
from funchost.threads import ThreadPool
from funchost.web.function_app import FunctionRoutes, build_function_routes
from funchost.web.options import WebOptions

if TYPE_CHECKING:
    from funchost.service.durable import DurableSide

__all__ = ["Host"]

logger = logging.getLogger(__name__)

# Python lets a thread compute for 5 ms before another may; with one CPU-bound activity every step of an
# orchestration would wait that long several times over.
SWITCH_INTERVAL_S = 0.0005


class Host:
    """A lifetime: build it, :meth:`run` it, and it ends some time after :meth:`stop`.

    ``sockets`` listen already: the public one, and the local one of durable clients.
    """

    def __init__(
        self, settings: Settings, app: FunctionApp, *, sockets: Sequence[socket.socket], drain_s: float
    ) -> None:
        """``drain_s`` bounds how long a stop waits for requests, activities and episodes under way.

        Raises ConfigError when the store that the settings ask for cannot be had.
        """
        self._settings = settings
        self._public, self._local = sockets
        self._drain_s = drain_s
        self._clock = SystemClock()
        self._stopping = asyncio.Event()
        self.store = choose_store(settings)
        self.app = app
        """As it runs: functions that cannot be prepared carry their problem, once it does."""

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once requests are answered and work is taken.

        Raises ConfigError and StorageError when it cannot begin.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        async with AsyncExitStack() as stack:
            threads = ThreadPool(_thread_count(self._settings))
            stack.callback(threads.close)
            durable = await self._open_durable(stack)
            bindings, services = discover_bindings(), self._services(threads, durable)
            prepared = prepare_functions(self.app, bindings, services)
            routes = build_function_routes(prepared.app.functions, prepared.invokers, _web_options(self._settings))
            self.app = with_problems(prepared.app, routes.refused)
            for warning in routes.warnings:
                logger.warning("%s", warning)
            await stack.enter_async_context(routes.running())
            await self._serve(routes, durable, prepared, listeners(prepared, bindings, services), ready)

    def stop(self) -> None:
        """Accept nothing more, and end when what runs has had its time. To be called on the loop's thread."""
        self._stopping.set()

    async def _serve(
        self,
        routes: FunctionRoutes,
        durable: "DurableSide | None",
        prepared: PreparedApp,
        listening: Sequence[Listener],
        ready: Callable[[], None],
    ) -> None:
        servers = self._servers(routes, durable)
        async with asyncio.TaskGroup() as tasks:
            for server in servers:
                tasks.create_task(server.run(), name="http-server")
            working = asyncio.Event()
            worker = None
            if durable is not None:
                worker = tasks.create_task(durable.work(prepared, working.set), name="task-hub-worker")
            for server in servers:
                await server.started()
            if worker is not None:
                await working.wait()
            async with AsyncExitStack() as triggers:
                for listener in listening:
                    await triggers.enter_async_context(listener)
                ready()
                await self._stopping.wait()
                # First nothing new from anywhere; then what runs gets its time, all of it at once.
                for server in servers:
                    server.stop(self._drain_s)
                if durable is not None:
                    durable.stop_waiting()
                if worker is not None:
                    worker.cancel()

    async def _open_durable(self, stack: AsyncExitStack) -> "DurableSide | None":
        if not uses_durable(self.app):
            return None
        # An app without durable functions starts in half the time, as it does without their imports.
        from funchost.service.durable import open_durable_side

        return await stack.enter_async_context(
            open_durable_side(self._settings, self._local, self._clock, drain=timedelta(seconds=self._drain_s))
        )

    def _servers(self, routes: FunctionRoutes, durable: "DurableSide | None") -> list[HttpServer]:
        if durable is None:
            return [HttpServer(routes, [self._public])]
        servers = [HttpServer(durable.in_front_of(routes), [self._public])]
        return servers if durable.local is None else [*servers, HttpServer(durable.local, [self._local])]

    def _services(self, threads: ThreadPool, durable: "DurableSide | None") -> HostServices:
        return HostServices(
            threads,
            settings=os.environ,
            clock=self._clock,
            clients=None if durable is None else durable.clients,
            base_url=lambda: f"http://localhost:{self._settings.port}",
            lines="pair" if self._settings.verbose else "one",
            function_timeout=self._settings.function_timeout,
        )


def _thread_count(settings: Settings) -> int:
    """As the reference worker counts its threads for blocking functions."""
    given = settings.setting("PYTHON_THREADPOOL_THREAD_COUNT")
    if given is not None and given.isdigit() and int(given) > 0:
        return int(given)
    return min(32, (os.cpu_count() or 1) + 4)


def _web_options(settings: Settings) -> WebOptions:
    return WebOptions(
        http=settings.http,
        cors=settings.cors,
        cors_credentials=settings.cors_credentials,
        homepage=(settings.setting("AzureWebJobsDisableHomepage") or "").lower() not in ("1", "true"),
    )
