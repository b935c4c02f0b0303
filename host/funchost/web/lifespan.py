"""The lifespan protocol of ASGI servers, told by a context manager."""

from contextlib import AbstractAsyncContextManager

from funchost.web.asgi import Receive, Send

__all__ = ["serve_lifespan"]


async def serve_lifespan(running: AbstractAsyncContextManager[None], receive: Receive, send: Send) -> None:
    """Enter ``running`` when the server starts and leave it when the server stops."""
    await receive()
    try:
        await running.__aenter__()
    except Exception as exc:
        await send({"type": "lifespan.startup.failed", "message": str(exc)})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await running.__aexit__(None, None, None)
    await send({"type": "lifespan.shutdown.complete"})
