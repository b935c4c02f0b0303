"""The doors of the durable HTTP API: its public base, the base of 1.x, and the local one for client libraries."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from funchost.web.durable.answers import ApiRequest, ApiResponse, empty
from funchost.web.durable.api import DurableApi
from funchost.web.durable.links import ALIAS_BASE, LOCAL_BASE, PUBLIC_BASE, Door, Webhook
from funchost.web.durable.query import QueryParameters

__all__ = ["LARGEST_BODY", "Authorise", "allow_everyone", "local_app", "public_routes"]

LARGEST_BODY = 104_857_600
"""Bytes. Only the public doors have a limit."""

Authorise = Callable[[Request], Awaitable[bool]]
"""May this request pass? A refused one is answered with 401 and nothing else."""


async def allow_everyone(request: Request) -> bool:
    """Keys are not asked for on a developer's machine."""
    return True


def public_routes(
    api: DurableApi,
    webhook: Webhook,
    *,
    authorise: Authorise = allow_everyone,
    use_forwarded_host: bool = False,
    largest_body: int = LARGEST_BODY,
) -> list[BaseRoute]:
    """Routes to put before those of functions. ``webhook`` gives links their path and key, the request their
    origin; ``use_forwarded_host`` is the setting of that name and believes the proxy in front. ``largest_body``
    is in bytes."""

    def public(request: Request) -> Door:
        return Door(webhook.at(_origin(request, use_forwarded_host=use_forwarded_host)))

    def alias(request: Request) -> Door:
        origin = _origin(request, use_forwarded_host=use_forwarded_host)
        return Door(Webhook(origin, ALIAS_BASE, webhook.query), legacy=True)

    return [
        _Below(PUBLIC_BASE, _endpoint(api, PUBLIC_BASE, public, authorise, largest_body)),
        _Below(ALIAS_BASE, _endpoint(api, ALIAS_BASE, alias, authorise, largest_body)),
    ]


def local_app(api: DurableApi, webhook: Webhook, *, origin: str) -> ASGIApp:
    """The whole application of the local socket. ``origin`` is the socket's; links lead there, on the
    webhook's path, and client libraries use nothing of them but the id."""

    def local(request: Request) -> Door:
        return Door(webhook.at(origin), local=True)

    below = _Below(LOCAL_BASE, _endpoint(api, LOCAL_BASE, local, _is_a_program_here, None))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        match, _ = below.matches(scope)
        await (below.handle if match is Match.FULL else Response(status_code=404))(scope, receive, send)

    return app


class _Below(BaseRoute):
    """All that is below ``base``, whatever its case."""

    def __init__(self, base: str, app: ASGIApp) -> None:
        self._base = base.lower()
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope.get("path", "").lower()
        ours = scope["type"] == "http" and (path == self._base or path.startswith(f"{self._base}/"))
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _endpoint(
    api: DurableApi, base: str, door: Callable[[Request], Door], authorise: Authorise, largest_body: int | None
) -> ASGIApp:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await _answer(request, door(request))
        except ClientDisconnect:
            return
        await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    async def _answer(request: Request, door: Door) -> ApiResponse:
        if not await authorise(request):
            return empty(401)
        body = await _body(request, largest_body)
        if body is None:
            return empty(413)
        path, query_string = _raw_path(request.scope), bytes(request.scope["query_string"])
        target = path + b"?" + query_string if query_string else path
        return await api.handle(
            ApiRequest(
                method=request.method,
                path=path[len(base) :].decode("utf-8", "replace"),
                door=door,
                uri=door.webhook.origin + target.decode("latin-1"),
                query=QueryParameters.parse(query_string.decode("utf-8", "replace")),
                headers=dict(request.headers),
                body=body,
            )
        )

    return endpoint


async def _body(request: Request, largest: int | None) -> bytes | None:
    """None: it is larger than that."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if largest is not None and size > largest:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _raw_path(scope: Scope) -> bytes:
    """Still percent-encoded, so that an encoded slash does not end a segment."""
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else quote(scope["path"]).encode()


def _origin(request: Request, *, use_forwarded_host: bool) -> str:
    proxied, scheme = request.headers.get("x-forwarded-host"), request.headers.get("x-forwarded-proto")
    if use_forwarded_host and proxied and scheme:
        return f"{scheme.split(',')[0].strip()}://{proxied.split(',')[0].strip()}"
    own, port = request.scope.get("server") or ("localhost", None)
    return f"{request.scope['scheme']}://{request.headers.get('host') or (f'{own}:{port}' if port else own)}"


async def _is_a_program_here(request: Request) -> bool:
    """No key is asked for at the local door, so a web page must not get through it: neither by a request to
    another origin, which carries ``Origin``, nor by a host name of its own that leads to this machine."""
    host = request.headers.get("host", "").rsplit(":", 1)[0]
    return host in ("127.0.0.1", "localhost") and "origin" not in request.headers
