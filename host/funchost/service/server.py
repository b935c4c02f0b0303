"""The HTTP server: uvicorn, on sockets that are already open, stopped in order."""

import asyncio
import logging
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import uvicorn

from funchost.web.asgi import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HttpServer"]

_REPORTS = logging.getLogger("uvicorn.error")

# The reference host's web server keeps idle connections for 130 s.
KEEP_ALIVE_S = 130
TICK_S = 1.0


class HttpServer:
    """A lifetime: :meth:`run` serves until told to stop, then lets requests finish for a bounded time."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        self._streams = _Streams(app)
        self._server = _Server(
            uvicorn.Config(
                self._streams,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=[("server", "funchost")],
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        self._sockets = list(sockets)

    async def run(self) -> None:
        """Until :meth:`stop`; when it returns, the sockets are closed and no request is being answered."""
        level = _REPORTS.level
        try:
            await self._server.serve(sockets=self._sockets)
        finally:
            _REPORTS.setLevel(level)

    async def started(self) -> None:
        await self._server.accepting.wait()

    def stop(self, drain_s: float) -> None:
        """Accept nothing more, end streams at once and give other requests ``drain_s`` seconds."""
        # An integer by its annotation, but only ever handed to asyncio.wait_for.
        self._server.config.timeout_graceful_shutdown = drain_s  # type: ignore[assignment]
        # From here on it would report each stream that is cut off as an error of the app.
        _REPORTS.setLevel(logging.CRITICAL)
        self._server.stopping.set()
        self._streams.end()


class _Server(uvicorn.Server):
    """Without signal handlers, which are the command line's, and woken by events instead of ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.accepting.set()
        while not self.stopping.is_set():
            try:
                await asyncio.wait_for(self.stopping.wait(), TICK_S)
            except TimeoutError:
                # Renews the Date header.
                await self.on_tick(0)


class _Streams:
    """Middleware that knows which answers have begun and go on: a stream may never end by itself, and
    would hold up a stop for as long as its client stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._flowing: set[asyncio.Task[object]] = set()
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.body":
                if message.get("more_body", False):
                    self._flowing.add(task)
                    if self._ended:
                        task.cancel()
                else:
                    self._flowing.discard(task)
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            self._flowing.discard(task)

    def end(self) -> None:
        self._ended = True
        for task in self._flowing:
            task.cancel()
