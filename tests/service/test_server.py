import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager

import httpx
import pytest

from funchost.service.server import HttpServer
from funchost.supervisor.listening import listen
from funchost.web.asgi import ASGIApp, Receive, Scope, Send

LIMIT_S = 20.0


class App:
    """``/slow`` answers when ``go`` is set; ``/stream`` sends one chunk and never another."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.busy = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/stream":
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await asyncio.Event().wait()
        if scope["path"] == "/slow":
            self.busy.set()
            await self.go.wait()
        await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[tuple[HttpServer, "asyncio.Task[None]", httpx.AsyncClient]]:
    listening: socket.socket = listen("127.0.0.1", 0)
    server = HttpServer(app, [listening])
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
        running = asyncio.create_task(server.run())
        await server.started()
        yield server, running, client
        server.stop(0)
        await running


def run(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


def test_a_request_under_way_is_answered_while_the_server_drains():
    async def test() -> None:
        app = App()
        async with serving(app) as (server, running, client):
            answer = asyncio.create_task(client.get("/slow"))
            await app.busy.wait()
            server.stop(LIMIT_S)
            app.go.set()
            assert (await answer).text == "done"
            await running

    run(test())


def test_a_request_that_takes_longer_than_the_drain_is_given_up():
    async def test() -> None:
        app = App()
        async with serving(app) as (server, running, client):
            answer = asyncio.create_task(client.get("/slow"))
            await app.busy.wait()
            server.stop(0.1)
            await running
            with pytest.raises(httpx.HTTPError):
                await answer

    run(test())


def test_an_endless_stream_ends_at_once_and_nothing_is_reported(caplog: pytest.LogCaptureFixture):
    async def test() -> None:
        async with serving(App()) as (server, running, client), client.stream("GET", "/stream") as stream:
            chunks = stream.aiter_bytes()
            assert await anext(chunks) == b"first"
            server.stop(LIMIT_S)
            await running
            with pytest.raises(httpx.HTTPError):
                await anext(chunks)

    with caplog.at_level(logging.WARNING):
        run(test())
    assert not caplog.records


def test_every_answer_names_the_server():
    async def test() -> None:
        async with serving(App()) as (_, _, client):
            assert (await client.get("/")).headers["server"] == "funchost"

    run(test())
