"""Headers that the user adds to every response: ``customHeaders`` and HSTS."""

from collections.abc import Mapping

from funchost.settings import Hsts
from funchost.web.asgi import ASGIApp, Message, Receive, Scope, Send

__all__ = ["with_extra_headers"]

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def with_extra_headers(app: ASGIApp, *, custom: Mapping[str, str], hsts: Hsts | None = None) -> ASGIApp:
    """``app``, with each custom header that a response does not have itself, and HSTS over HTTPS."""
    if not custom and hsts is None:
        return app
    always = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in custom.items()]
    secure = [] if hsts is None else [(b"strict-transport-security", _hsts_value(hsts))]

    async def decorate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        wanted = [*always, *secure] if secure and _is_public_https(scope) else always

        async def send_decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in wanted if one[0] not in present)]
            await send(message)

        return await app(scope, receive, send_decorated)

    return decorate


def _hsts_value(hsts: Hsts) -> bytes:
    parts = [f"max-age={int(hsts.max_age.total_seconds())}"]
    parts += ["includeSubDomains"] if hsts.include_subdomains else []
    parts += ["preload"] if hsts.preload else []
    return "; ".join(parts).encode()


def _is_public_https(scope: Scope) -> bool:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return scope["scheme"] == "https" and name.lower() not in _LOCAL_NAMES
