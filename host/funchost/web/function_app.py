"""The ASGI application that answers function routes.

The way of a request, outermost first: the homepage, the throttle, extra headers, CORS, the route table, the
gate, the body, the function. Layers that the user has not asked for are not there. Everything that a
function does wrong becomes an empty 500; what went wrong is in the log.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from funchost.app.spec import FunctionSpec
from funchost.clock import new_invocation_id
from funchost.invocation.invocation import Invocation
from funchost.invocation.invoker import Invoker
from funchost.threads import ThreadsClosed
from funchost.web.asgi import ASGIApp, Receive, Reply, Scope, Send, send_reply
from funchost.web.body import BodyTooLarge, ClientGone, check_length, read_body
from funchost.web.cors import with_cors
from funchost.web.extra_headers import with_extra_headers
from funchost.web.homepage import homepage
from funchost.web.hosted import Exchange, HostedApp, find_hosted_app
from funchost.web.lifespan import serve_lifespan
from funchost.web.options import WebOptions
from funchost.web.request import binding_data, decoded_path, header_map, make_request, trace_of
from funchost.web.routes import Route, RouteTable, build_route_table
from funchost.web.throttle import throttled

__all__ = ["FunctionRoutes", "Gate", "MappedRoute", "build_function_routes"]

logger = logging.getLogger(__name__)

Gate = Callable[[Route, Scope], Awaitable[bool]]
"""May this request call the function of this route? False is answered with 401."""

_NOT_FOUND = Reply(404)
_UNAUTHORISED = Reply(401)
# The connection is kept: closed with the rest of the body unread, it would be reset, and the client might
# never see this answer. The server reads the rest and drops it.
_TOO_LARGE = Reply(413)
_FAILED = Reply(500)
_STOPPING = Reply(503)


@dataclass(frozen=True, slots=True)
class MappedRoute:
    """A line of the console's listing: no ``methods`` means all."""

    function: FunctionSpec
    methods: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class _Target:
    """What a route leads to. ``unset`` is the answer of a function that set no response."""

    invoker: Invoker
    unset: Reply
    hosted: HostedApp | None = None


class FunctionRoutes:
    """All HTTP functions of an app as one ASGI application.

    Serve requests inside :meth:`running`, which starts and stops applications that functions host. A
    server that speaks the lifespan protocol does that by itself.
    """

    def __init__(
        self, table: RouteTable, invokers: Mapping[str, Invoker], options: WebOptions, *, gate: Gate | None = None
    ) -> None:
        self._table = table
        self._gate = gate
        self._limit_bytes = options.http.body_limit_bytes
        self._targets = {
            route.function.name: _target(route.function, invokers[route.function.name])
            for route in table.routes
            if route.function.runs and route.function.name in invokers
        }
        self._homepage = homepage(enabled=options.homepage)
        self._serve = _layers(self._route, options)

    @property
    def warnings(self) -> Sequence[str]:
        """What the log should say about routes that hide others."""
        return self._table.warnings

    @property
    def refused(self) -> Sequence[FunctionSpec]:
        """Functions that got no route, each with its problem."""
        return self._table.refused

    @property
    def routes(self) -> Sequence[MappedRoute]:
        """What is reachable where, in the order of matching."""
        return [MappedRoute(r.function, tuple(sorted(r.methods)), r.path) for r in self._table.routes]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            for target in self._targets.values():
                if target.hosted is not None:
                    await stack.enter_async_context(target.hosted.running())
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await serve_lifespan(self.running(), receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close"})
        elif scope["path"] == "/" and self._table.find(scope["method"], "") is None:
            await send_reply(send, self._homepage)
        else:
            await self._serve(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._table.find(scope["method"], decoded_path(scope))
        if found is None:
            return await send_reply(send, _NOT_FOUND)
        route, values = found
        if self._gate is not None and not await self._gate(route, scope):
            return await send_reply(send, _UNAUTHORISED)
        target = self._targets.get(route.function.name)
        if target is None:
            logger.error("function %s cannot run: %s", route.function.name, route.function.problem)
            return await send_reply(send, _FAILED)
        try:
            return await self._call(target, values, scope, receive, send)
        except BodyTooLarge:
            return await send_reply(send, _TOO_LARGE)
        except ClientGone:
            return None

    async def _call(
        self, target: _Target, values: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers = header_map(scope)
        if target.hosted is not None:
            return await self._exchange(target, headers, scope, receive, send)
        body = await read_body(headers, receive, limit_bytes=self._limit_bytes)
        request = make_request(scope, headers, values, body)
        invocation = _invocation(scope, headers, request, lambda: binding_data(request))
        return await send_reply(send, await _answer(target, invocation))

    async def _exchange(
        self, target: _Target, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        check_length(headers, self._limit_bytes)
        exchange = Exchange(scope, receive, send, limit_bytes=self._limit_bytes)
        await _answer(target, _invocation(scope, headers, exchange))
        if not exchange.begun:
            await send_reply(send, _TOO_LARGE if exchange.too_large else _FAILED)
        elif not exchange.ended:
            # Half a response is out: only a broken connection tells the client.
            raise ConnectionAbortedError(f"{target.invoker.function.name} ended before its response was complete")


async def _answer(target: _Target, invocation: Invocation) -> Reply:
    try:
        answer = await target.invoker.run(invocation)
    except asyncio.CancelledError:
        if cast("asyncio.Task[Any]", asyncio.current_task()).cancelling():
            raise
        return _FAILED  # user code cancelled itself, nobody cancelled the request
    except ThreadsClosed:
        return _STOPPING
    except (Exception, SystemExit):  # noqa: BLE001 - the border around an invocation
        # The invoker has logged it. That an app calls sys.exit() ends its invocation, not the host.
        return _FAILED
    return target.unset if answer is None else answer


def _invocation(
    scope: Scope, headers: Mapping[str, str], trigger: Any, data: Callable[[], Mapping[str, Any]] = dict[str, Any]
) -> Invocation:
    # The path as it came: decoded, it could hold a line break and forge a line of the log.
    raw: bytes = scope.get("raw_path") or b""
    reason = f"{scope['method']} {raw.decode('latin-1')}"
    return Invocation(new_invocation_id(), trigger, reason, trace=trace_of(headers), binding_data=data)


def _target(function: FunctionSpec, invoker: Invoker) -> _Target:
    outputs = function.outputs()
    has_output = any(one.kind == "http" or one.name == "$return" for one in outputs)
    unset = Reply(200 if has_output else 204)
    app = find_hosted_app(function)
    if app is None:
        return _Target(invoker, unset)
    hosted = HostedApp(function.name, app)
    return _Target(invoker.replacing(hosted.serve), unset, hosted)


def _layers(app: ASGIApp, options: WebOptions) -> ASGIApp:
    app = with_cors(app, origins=options.cors, credentials=options.cors_credentials)
    app = with_extra_headers(app, custom=options.http.custom_headers, hsts=options.http.hsts)
    return throttled(
        app, outstanding=options.http.max_outstanding_requests, concurrent=options.http.max_concurrent_requests
    )


def build_function_routes(
    functions: Sequence[FunctionSpec],
    invokers: Mapping[str, Invoker],
    options: WebOptions,
    *,
    gate: Gate | None = None,
) -> FunctionRoutes:
    """The application for ``functions``; those of other triggers are passed over.

    ``invokers`` holds the prepared functions by name. One that has none keeps its route and answers 500;
    disabled ones have no route. Look at ``refused`` for functions whose route could not be mapped.
    """
    table = build_route_table(functions, prefix=options.http.route_prefix, order=options.http.route_order)
    return FunctionRoutes(table, invokers, options, gate=gate)
