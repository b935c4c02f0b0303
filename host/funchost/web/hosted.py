"""ASGI applications inside a function app, served directly rather than through the SDK's adapter.

The adapter collects a response before it passes it on and runs the lifespan's end in a loop of its own.
Served directly, an application streams, and start-up, requests and shutdown share one loop.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from azure.functions import AsgiMiddleware

from funchost.app.spec import FunctionSpec
from funchost.web.asgi import ASGIApp, Message, Receive, Scope, Send
from funchost.web.body import BodyTooLarge, limited

__all__ = ["Exchange", "HostedApp", "find_hosted_app"]

logger = logging.getLogger(__name__)

SHUTDOWN_S = 5.0
"""What an application gets to end in; then the host ends without it."""

_CONTEXT_FIELDS = (
    "function_directory",
    "function_name",
    "invocation_id",
    "thread_local_storage",
    "trace_context",
    "retry_context",
)


def find_hosted_app(function: FunctionSpec) -> ASGIApp | None:
    """The application behind an ASGI function; None when it cannot be reached, and the adapter must serve."""
    if function.http_type != "asgi":
        return None
    closure: Mapping[str, Any] = inspect.getclosurevars(function.call).nonlocals
    adapters = (value for value in closure.values() if isinstance(value, AsgiMiddleware))
    return next((getattr(adapter, "_app", None) for adapter in adapters), None)


class Exchange:
    """One request to a hosted application, and whether its response has begun and ended."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, limit_bytes: int) -> None:
        self.scope = scope
        self._receive = limited(receive, limit_bytes=limit_bytes)
        self._send = send
        self.begun = False
        self.ended = False
        self.too_large = False

    async def receive(self) -> Message:
        try:
            return await self._receive()
        except BodyTooLarge:
            self.too_large = True
            raise

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
        elif message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
        await self._send(message)


class HostedApp:
    """One application and its lifespan: requests are served while :meth:`running` is entered."""

    def __init__(self, name: str, app: ASGIApp) -> None:
        self._name = name
        self._app = app
        self._state: dict[str, Any] = {}
        self._failure: str | None = "it has not been started"

    async def serve(self, req: Exchange, context: Any) -> None:
        """What is invoked in place of the SDK's handler."""
        if self._failure is not None:
            raise RuntimeError(f"the ASGI application of {self._name} does not run: {self._failure}")
        scope = dict(req.scope)
        scope["root_path"] = ""
        scope["state"] = dict(self._state)
        scope |= {f"azure_functions.{field}": getattr(context, field) for field in _CONTEXT_FIELDS}
        await self._app(scope, req.receive, req.send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Start-up on entering, shutdown on leaving. A start-up that fails is logged and fails every request."""
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        outbox: asyncio.Queue[Message] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(self._lifespan(inbox, outbox), name=f"lifespan-{self._name}")
            inbox.put_nowait({"type": "lifespan.startup"})
            self._failure = _failure(await outbox.get())
            if self._failure is not None:
                logger.error("the ASGI application of %s did not start: %s", self._name, self._failure)
            try:
                yield
            finally:
                started, self._failure = self._failure is None, "it has been stopped"
                if started and not living.done():
                    inbox.put_nowait({"type": "lifespan.shutdown"})
                    if failure := await _last_word(outbox):
                        logger.error("the ASGI application of %s did not stop well: %s", self._name, failure)
                living.cancel()  # all has been said; one that still listens would keep us here

    async def _lifespan(self, inbox: "asyncio.Queue[Message]", outbox: "asyncio.Queue[Message]") -> None:
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, inbox.get, outbox.put)
        except Exception:
            logger.debug("the ASGI application of %s knows no lifespan, or it failed", self._name, exc_info=True)
        # Whoever still waits for an answer gets one: the application ended without giving it.
        outbox.put_nowait({"type": "lifespan.none"})


async def _last_word(outbox: "asyncio.Queue[Message]") -> str | None:
    try:
        async with asyncio.timeout(SHUTDOWN_S):
            return _failure(await outbox.get())
    except TimeoutError:
        return f"it did not end within {SHUTDOWN_S:g} seconds"


def _failure(answer: Message) -> str | None:
    return answer.get("message") or "no reason given" if answer["type"].endswith(".failed") else None
