"""Servers of this machine, to send requests to."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from funchost.durable_http.request import HttpRequest, parse_request

__all__ = ["Reply", "Seen", "Site", "raw_site", "reply", "request", "site"]

Reply = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came; the names of ``headers`` are in lower case, repeated ones are joined."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Site:
    url: str
    seen: list[Seen] = field(default_factory=list[Seen])

    def requests(self, path: str) -> list[Seen]:
        return [each for each in self.seen if each.path == path]


def reply(status: int = 200, text: str = "", **headers: str) -> Reply:
    """The same answer to everybody; ``Retry_After`` stands for ``Retry-After``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=text, headers=named)

    return answer


@asynccontextmanager
async def site(replies: Mapping[str, Reply]) -> AsyncGenerator[Site]:
    """Answers each path of ``replies``, and 404 elsewhere."""
    here = Site("")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            joined = headers.get(name.lower())
            headers[name.lower()] = value if joined is None else f"{joined}, {value}"
        seen = Seen(request.method, request.path, request.rel_url.raw_query_string, headers, await request.text())
        here.seen.append(seen)
        return await replies.get(request.path, reply(404))(request)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.01)
    await runner.setup()
    try:
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield here
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_site(answer: bytes) -> AsyncGenerator[str]:
    """The address of a server that says just this and closes."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def request(method: str, url: str, **members: object) -> HttpRequest:
    """As an orchestrator's call of that kind arrives."""
    return parse_request({"method": method, "uri": url, **members})
