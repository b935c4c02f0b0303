"""Cross-origin requests: pre-flights are answered here, other answers get the headers that let a page read them."""

from collections.abc import Collection

from funchost.web.asgi import ASGIApp, Message, Receive, Reply, Scope, Send, send_reply

__all__ = ["with_cors"]


def with_cors(app: ASGIApp, *, origins: Collection[str], credentials: bool = False) -> ASGIApp:
    """``app`` for pages of ``origins`` (``*``: of any), with any method and header.

    ``credentials`` are not granted together with ``*``: browsers refuse the pair.
    """
    if not origins:
        return app
    allowed = frozenset(origin.strip().rstrip("/").lower() for origin in origins)
    anyone = "*" in allowed

    def granted(origin: bytes) -> list[tuple[bytes, bytes]]:
        if anyone:
            return [(b"access-control-allow-origin", b"*")]
        if origin.decode("latin-1").lower() not in allowed:
            return []
        headers = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        if credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    async def cross(scope: Scope, receive: Receive, send: Send) -> None:
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            return await app(scope, receive, send)
        headers = granted(origin)
        if scope["method"] == "OPTIONS" and (method := _header(scope, b"access-control-request-method")) is not None:
            return await send_reply(send, _preflight(scope, headers, method))

        async def send_granted(message: Message) -> None:
            if headers and message["type"] == "http.response.start":
                message["headers"] = [*_without_cors(message), *headers]
            await send(message)

        return await app(scope, receive, send_granted)

    return cross


def _preflight(scope: Scope, granted: list[tuple[bytes, bytes]], method: bytes) -> Reply:
    """204 in any case; without the headers the browser knows that it may not."""
    if not granted:
        return Reply(204)
    asked = _header(scope, b"access-control-request-headers")
    headers = [*granted, (b"access-control-allow-methods", method)]
    if asked:
        headers.append((b"access-control-allow-headers", asked))
    return Reply(204, headers)


def _without_cors(message: Message) -> list[tuple[bytes, bytes]]:
    """The host's word counts: two values of one of these headers would make a browser refuse both."""
    return [header for header in message["headers"] if not header[0].startswith(b"access-control-allow-")]


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)
