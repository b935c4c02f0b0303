"""``maxOutstandingRequests`` and ``maxConcurrentRequests``: how much is let in, and how much runs at once."""

import asyncio

from funchost.web.asgi import ASGIApp, Receive, Reply, Scope, Send, send_reply

__all__ = ["throttled"]

# The header tells a platform's front end that another instance would help.
_TOO_MANY = Reply(429, [(b"x-function-scaleout", b"1")])


def throttled(app: ASGIApp, *, outstanding: int, concurrent: int) -> ASGIApp:
    """``app``, with at most ``outstanding`` requests running or waiting, the excess answered 429 at once, and
    at most ``concurrent`` running, the others waiting in their order. -1: no limit."""
    if outstanding < 0 and concurrent < 0:
        return app
    slots = asyncio.Semaphore(concurrent) if concurrent > 0 else None
    inside = 0

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal inside
        if scope["type"] != "http":
            return await app(scope, receive, send)
        if 0 <= outstanding <= inside:
            return await send_reply(send, _TOO_MANY)
        inside += 1
        try:
            if slots is None:
                return await app(scope, receive, send)
            async with slots:
                return await app(scope, receive, send)
        finally:
            inside -= 1

    return enter
