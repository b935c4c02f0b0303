"""A running host: web server, task hub and worker, from start to drained."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence

from funchost.app import FunctionApp
from funchost.invocation.threads import UserThreads
from funchost.service.functions import prepare_functions, with_problems
from funchost.service.server import HttpServer
from funchost.service.store import choose_store
from funchost.settings import Settings
from funchost.spi import HostServices, discover_bindings
from funchost.web.function_app import build_function_routes
from funchost.web.options import WebOptions

__all__ = ["Host"]

# Python lets a thread compute for 5 ms before another may; with one CPU-bound activity every step of an
# orchestration would wait that long several times over.
SWITCH_INTERVAL_S = 0.0005
# What is left of a stop when requests and work have had their time.
CLOSE_S = 1.0


class Host:
    """A lifetime: build it, :meth:`run` it, and it ends some time after :meth:`stop`.

    ``sockets`` listen already: the public one, and the local one of durable clients.
    """

    def __init__(self, settings: Settings, app: FunctionApp, *, sockets: Sequence[socket.socket]) -> None:
        """Raises ConfigError when the store that the settings ask for cannot be had."""
        self._settings = settings
        self._loaded = app
        self._public, self._local = sockets
        self._stopping = asyncio.Event()
        self._drain_s = 0.0
        self.store = choose_store(settings)
        self.app = app
        """The app as it runs: functions that could not be prepared carry their problem once it does."""

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once requests are answered and work is taken."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        threads = UserThreads(_thread_count(self._settings))
        services = HostServices(
            threads,
            settings=os.environ,
            base_url=lambda: f"http://localhost:{self._settings.port}",
            lines="pair" if self._settings.verbose else "one",
            function_timeout=self._settings.function_timeout,
        )
        prepared = prepare_functions(self._loaded, discover_bindings(), services)
        routes = build_function_routes(prepared.app.functions, prepared.invokers, _web_options(self._settings))
        self.app = with_problems(prepared.app, list(routes.refused))
        server = HttpServer(routes, [self._public])
        async with routes.running(), asyncio.TaskGroup() as tasks:
            tasks.create_task(server.run(), name="http-server")
            await server.started()
            ready()
            await self._stopping.wait()
            server.stop(self._drain_s)
        threads.close(CLOSE_S)

    def stop(self, drain_s: float) -> None:
        """Accept nothing more and give what runs ``drain_s`` seconds. To be called on the loop's thread."""
        self._drain_s = drain_s
        self._stopping.set()


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
