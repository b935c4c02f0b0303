"""The doors of the durable HTTP API: its public base, the base of 1.x, and the local one for client libraries."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from funchost.web.asgi import ASGIApp, Receive, Reply, Scope, Send, send_reply
from funchost.web.body import BodyTooLarge, ClientGone, read_body
from funchost.web.durable.answers import ApiRequest, ApiResponse, empty
from funchost.web.durable.api import DurableApi
from funchost.web.durable.links import ALIAS_BASE, LOCAL_BASE, PUBLIC_BASE, Door, Webhook
from funchost.web.durable.query import QueryParameters
from funchost.web.request import header_map

__all__ = ["LARGEST_BODY", "Authorise", "allow_everyone", "local_app", "public_app"]

LARGEST_BODY = 104_857_600
"""Bytes; the local door has no limit."""

Headers = Mapping[str, str]
"""With names in lower case."""

Authorise = Callable[[Scope, Headers], Awaitable[bool]]
"""May this request pass? A refused one is answered with 401 and nothing else."""

_NOT_FOUND = Reply(404)


async def allow_everyone(scope: Scope, headers: Headers) -> bool:
    """Keys are not asked for on a developer's machine."""
    return True


def public_app(
    api: DurableApi,
    webhook: Webhook,
    *,
    otherwise: ASGIApp | None = None,
    authorise: Authorise = allow_everyone,
    use_forwarded_host: bool = False,
    largest_body: int = LARGEST_BODY,
) -> ASGIApp:
    """The API at its public base and at that of 1.x, and ``otherwise`` at all other paths.

    ``webhook`` gives links their path and key, the request their origin; ``use_forwarded_host`` is the
    setting of that name and believes the proxy in front.
    """

    def public(scope: Scope, headers: Headers) -> Door:
        return Door(webhook.at(_origin(scope, headers, use_forwarded_host=use_forwarded_host)))

    def alias(scope: Scope, headers: Headers) -> Door:
        origin = _origin(scope, headers, use_forwarded_host=use_forwarded_host)
        return Door(Webhook(origin, ALIAS_BASE, webhook.query), legacy=True)

    return _by_base(
        {
            PUBLIC_BASE: _endpoint(api, PUBLIC_BASE, public, authorise, largest_body),
            ALIAS_BASE: _endpoint(api, ALIAS_BASE, alias, authorise, largest_body),
        },
        otherwise or _nothing_here,
    )


def local_app(api: DurableApi, webhook: Webhook, *, origin: str) -> ASGIApp:
    """The whole application of the local socket. ``origin`` is the socket's; links lead there, on the
    webhook's path, and client libraries use nothing of them but the id."""

    def local(scope: Scope, headers: Headers) -> Door:
        return Door(webhook.at(origin), local=True)

    return _by_base({LOCAL_BASE: _endpoint(api, LOCAL_BASE, local, _is_a_program_here, -1)}, _nothing_here)


def _by_base(endpoints: Mapping[str, ASGIApp], otherwise: ASGIApp) -> ASGIApp:
    """What is below one of the bases, whatever its case, goes to its endpoint."""
    bases = [(base.lower(), endpoint) for base, endpoint in endpoints.items()]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            for base, endpoint in bases:
                if path[: len(base)].lower() == base and path[len(base) : len(base) + 1] in ("", "/"):
                    return await endpoint(scope, receive, send)
        return await otherwise(scope, receive, send)

    return app


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send_reply(send, _NOT_FOUND)


def _endpoint(
    api: DurableApi, base: str, door: Callable[[Scope, Headers], Door], authorise: Authorise, limit_bytes: int
) -> ASGIApp:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        headers = header_map(scope)
        try:
            answer = await _answer(scope, headers, receive)
        except ClientGone:
            return
        await send_reply(send, _reply(answer))

    async def _answer(scope: Scope, headers: Headers, receive: Receive) -> ApiResponse:
        if not await authorise(scope, headers):
            return empty(401)
        try:
            body = await read_body(headers, receive, limit_bytes=limit_bytes)
        except BodyTooLarge:
            return empty(413)
        came_by = door(scope, headers)
        path, query_string = _raw_path(scope), bytes(scope["query_string"])
        target = path + b"?" + query_string if query_string else path
        return await api.handle(
            ApiRequest(
                method=scope["method"],
                path=path[len(base) :].decode("utf-8", "replace"),
                door=came_by,
                uri=came_by.webhook.origin + target.decode("latin-1"),
                query=QueryParameters.parse(query_string.decode("utf-8", "replace")),
                headers=headers,
                body=body,
            )
        )

    return endpoint


def _reply(answer: ApiResponse) -> Reply:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    return Reply(answer.status, headers, answer.body)


def _raw_path(scope: Scope) -> bytes:
    """Still percent-encoded, so that an encoded slash does not end a segment."""
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else quote(scope["path"]).encode()


def _origin(scope: Scope, headers: Headers, *, use_forwarded_host: bool) -> str:
    proxied, scheme = headers.get("x-forwarded-host"), headers.get("x-forwarded-proto")
    if use_forwarded_host and proxied and scheme:
        return f"{scheme.split(',')[0].strip()}://{proxied.split(',')[0].strip()}"
    own, port = scope.get("server") or ("localhost", None)
    return f"{scope['scheme']}://{headers.get('host') or (f'{own}:{port}' if port else own)}"


async def _is_a_program_here(scope: Scope, headers: Headers) -> bool:
    """No key is asked for at the local door, so a web page must not get through it: neither by a request to
    another origin, which carries ``Origin``, nor by a host name of its own that leads to this machine."""
    host = headers.get("host", "").rsplit(":", 1)[0]
    return host in ("127.0.0.1", "localhost") and "origin" not in headers
