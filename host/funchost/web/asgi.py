"""The shapes of ASGI, and the little that every layer does with them."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ASGIApp", "Message", "Receive", "Reply", "Scope", "Send", "send_reply"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response; header names are lower case, and ``content-length`` is added when it is sent."""

    status: int
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


_BODILESS = frozenset({204, 304})


async def send_reply(send: Send, reply: Reply) -> None:
    headers = list(reply.headers)
    body = reply.body
    if reply.status in _BODILESS:
        body = b""
    else:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
