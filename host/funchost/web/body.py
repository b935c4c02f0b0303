"""Request bodies, read whole and only up to a limit."""

from collections.abc import Mapping

from funchost.web.asgi import Message, Receive

__all__ = ["BodyTooLarge", "ClientGone", "check_length", "limited", "read_body"]


class BodyTooLarge(Exception):
    """The request has a body over the limit; the rest of it was not read."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(headers: Mapping[str, str], receive: Receive, *, limit_bytes: int) -> bytes:
    """The body, chunked or not. ``limit_bytes`` -1: any size. Raises BodyTooLarge or ClientGone."""
    length = headers.get("content-length")
    if length is None:
        if "transfer-encoding" not in headers:
            return b""
    elif length == "0":
        return b""
    check_length(headers, limit_bytes)
    receive = limited(receive, limit_bytes=limit_bytes)
    message = await receive()
    chunks = [_body_of(message)]
    while message.get("more_body", False):
        message = await receive()
        chunks.append(_body_of(message))
    return b"".join(chunks)


def check_length(headers: Mapping[str, str], limit_bytes: int) -> None:
    """Raises BodyTooLarge when the request announces more than ``limit_bytes``."""
    length = headers.get("content-length", "")
    if limit_bytes >= 0 and length.isdecimal() and int(length) > limit_bytes:
        raise BodyTooLarge


def limited(receive: Receive, *, limit_bytes: int) -> Receive:
    """``receive`` for an application that reads by itself: raises BodyTooLarge once there is too much."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if 0 <= limit_bytes < size:
                raise BodyTooLarge
        return message

    return receive_limited


def _body_of(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b"")
