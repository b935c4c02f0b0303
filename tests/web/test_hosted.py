import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import azure.functions as func
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from funchost.app.spec import FunctionSpec
from funchost.web import hosted
from funchost.web.asgi import Receive, Scope, Send
from web.function_apps import http_function, served, with_http


def asgi_function(app: Any) -> FunctionSpec:
    """The one function of an AsgiFunctionApp, as loading it gives it."""
    (function,) = func.AsgiFunctionApp(app=app, http_auth_level=func.AuthLevel.ANONYMOUS).get_functions()
    return http_function(function.get_user_function(), "http_app_func", route="/{*route}", http_type="asgi")


def asking(app: Any, *requests: tuple[str, str, bytes], prefix: str = "", limit: int = -1) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        options = with_http(route_prefix=prefix, body_limit_bytes=limit)
        async with served(asgi_function(app), options=options) as client:
            return [await client.request(method, path, content=body) for method, path, body in requests]

    return asyncio.run(ask())


def test_the_application_sees_the_whole_path_and_what_runs_it() -> None:
    async def show(request: Request) -> Response:
        scope = request.scope
        return JSONResponse(
            {
                "path": scope["path"],
                "root": scope["root_path"],
                "query": dict(request.query_params),
                "function": scope["azure_functions.function_name"],
                "invocation": scope["azure_functions.invocation_id"],
                "body": (await request.body()).decode(),
            }
        )

    app = Starlette(routes=[Route("/api/x/{rest:path}", show, methods=["POST"])])
    (response,) = asking(app, ("POST", "/api/x/a%20b?q=1", b"body"), prefix="api")
    seen = response.json()
    assert (seen["path"], seen["root"], seen["query"], seen["body"]) == ("/api/x/a b", "", {"q": "1"}, "body")
    assert seen["function"] == "http_app_func"
    assert len(seen["invocation"]) == 36


def test_start_up_runs_once_before_the_first_request_and_shutdown_once_on_the_same_loop() -> None:
    loops: list[tuple[str, object]] = []

    class Life:
        def __init__(self, app: Starlette) -> None:
            pass

        async def __aenter__(self) -> dict[str, str]:
            loops.append(("start", asyncio.get_running_loop()))
            return {"from": "startup"}

        async def __aexit__(self, *_: object) -> None:
            loops.append(("stop", asyncio.get_running_loop()))

    async def show(request: Request) -> Response:
        loops.append(("request", asyncio.get_running_loop()))
        return Response(request.state._state["from"])

    responses = asking(Starlette(routes=[Route("/", show)], lifespan=Life), ("GET", "/", b""), ("GET", "/", b""))
    assert [response.text for response in responses] == ["startup", "startup"]
    assert [event for event, _ in loops] == ["start", "request", "request", "stop"]
    assert len({id(loop) for _, loop in loops}) == 1
    gc.collect()


def test_an_application_that_does_not_start_fails_its_requests_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    (response,) = asking(app, ("GET", "/", b""))
    assert (response.status_code, response.content) == (500, b"")
    assert "no database" in caplog.text


def test_an_application_that_does_not_end_does_not_keep_the_host(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hosted, "SHUTDOWN_S", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await asyncio.Event().wait()
        await Response("here")(scope, receive, send)

    (response,) = asking(app, ("GET", "/", b""))
    assert response.text == "here"
    assert "it did not end within" in caplog.text


def test_an_application_without_a_lifespan_is_served() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    assert [response.status_code for response in asking(app, ("GET", "/any/where", b""))] == [418]


def test_a_response_is_streamed_as_the_application_sends_it() -> None:
    async def ask() -> None:
        goes_on = asyncio.Event()

        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await goes_on.wait()
            yield b"second"

        async def stream(request: Request) -> Response:
            return StreamingResponse(parts())

        function = asgi_function(Starlette(routes=[Route("/", stream)]))
        async with (
            served(function, options=with_http(route_prefix="")) as client,
            client.stream("GET", "/") as response,
        ):
            received = response.aiter_bytes()
            assert await asyncio.wait_for(anext(received), 5) == b"first"
            goes_on.set()
            assert await asyncio.wait_for(anext(received), 5) == b"second"

    asyncio.run(ask())


def test_an_exception_before_the_response_is_a_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("broken app")

    (response,) = asking(app, ("GET", "/", b""))
    assert (response.status_code, response.content) == (500, b"")
    assert "broken app" in caplog.text


def test_a_body_over_the_limit_is_413_whether_announced_or_not() -> None:
    async def read(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/", read, methods=["POST"])])
    responses = asking(app, ("POST", "/", b"x" * 11), ("POST", "/", b"x" * 10), limit=10)
    assert [response.status_code for response in responses] == [413, 200]


def test_a_wsgi_application_is_served_through_its_adapter() -> None:
    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        status = "500 Broken" if environ["QUERY_STRING"] else "200 OK"
        start_response(status, [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    (function,) = func.WsgiFunctionApp(app=wsgi, http_auth_level=func.AuthLevel.ANONYMOUS).get_functions()
    spec = http_function(function.get_user_function(), "http_app_func", route="/{*route}", http_type="wsgi")

    async def ask() -> list[httpx.Response]:
        async with served(spec, options=with_http(route_prefix="")) as client:
            return [await client.get("/some/path"), await client.get("/x?fail")]

    answered, failed = asyncio.run(ask())
    assert (answered.status_code, answered.text) == (200, "/some/path")
    assert (failed.status_code, failed.content) == (500, b"")
