"""A small HTTP/1.1 client, fast enough not to be what is measured.

General clients spend more on a request than the servers under test; this one keeps a pool of
connections, writes prepared bytes and parses with httptools.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httptools

__all__ = ["Client", "Reply", "prepare", "sustained"]


@dataclass(slots=True)
class Reply:
    status: int
    body: bytes


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self.lost = False
        self._waiter: asyncio.Future[Reply] | None = None
        self._parser: Any = None
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio.Transport, only shaped like them.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._waiter is not None
        if not self._waiter.done():
            self._waiter.set_result(Reply(self._parser.get_status_code(), bytes(self._body)))

    async def request(self, raw: bytes) -> Reply:
        assert self._transport is not None
        self._body.clear()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._waiter

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def prepare(method: str, url: str, body: bytes = b"") -> bytes:
    """The bytes of one request. A body is sent as JSON."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client:
    """A pool of connections to one server, which grows to as many as are needed at once."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        assert parts.hostname is not None
        assert parts.port is not None
        self._address = (parts.hostname, parts.port)
        self._idle: list[_Connection] = []
        self._all: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    async def open(self, connections: int) -> None:
        """Have ``connections`` of them ready, so that no measured request has to connect.

        A server may have closed some that were idle.
        """
        self._idle = [connection for connection in self._idle if not connection.lost]
        while len(self._idle) < connections:
            self._idle.append(await self._connect())

    async def send(self, raw: bytes) -> Reply:
        connection = self._idle.pop() if self._idle else await self._connect()
        reply = await connection.request(raw)
        self._idle.append(connection)
        return reply

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, *self._address)
        self._all.append(connection)
        return connection


async def sustained(client: Client, raw: bytes, *, seconds: float, connections: int) -> float:
    """Requests per second with ``connections`` of them always under way. Every answer must be 200."""
    await client.open(connections)
    started = time.perf_counter()
    until = started + seconds

    async def one_after_another() -> int:
        count = 0
        while time.perf_counter() < until:
            reply = await client.send(raw)
            if reply.status != 200:
                raise RuntimeError(f"HTTP {reply.status}: {reply.body[:200]!r}")
            count += 1
        return count

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(one_after_another()) for _ in range(connections)]
    return sum(worker.result() for worker in workers) / (time.perf_counter() - started)
