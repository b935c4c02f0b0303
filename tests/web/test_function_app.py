# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import azure.functions as func
import httpx
import pytest

from funchost.settings import Hsts
from funchost.spi import HostServices
from funchost.threads import ThreadPool
from funchost.web.asgi import Scope
from funchost.web.function_app import build_function_routes
from funchost.web.options import WebOptions
from funchost.web.routes import Route
from web.function_apps import client_of, get, http_function, served, web_app, with_http


def hello(req: func.HttpRequest) -> str:
    return f"hello {req.route_params.get('name', 'world')}"


async def ahello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")


@pytest.mark.parametrize("call", [hello, ahello])
def test_a_function_answers_over_a_real_connection(call: Callable[..., Any]) -> None:
    async def ask() -> list[httpx.Response]:
        async with served(http_function(call, "hello", route="hello/{name?}")) as client:
            return [await client.get("/api/hello"), await client.get("/API/Hello/"), await client.head("/api/hello")]

    got, cased, head = asyncio.run(ask())
    assert got.status_code == cased.status_code == head.status_code == 200
    assert got.text.startswith("hello")
    assert (head.text, head.headers["content-length"]) == ("", got.headers["content-length"])


def test_an_unknown_path_and_a_wrong_method_are_404() -> None:
    function = http_function(hello, methods=["get"])
    assert get("/api/nothing", function).status_code == 404
    assert get("/hello", function).status_code == 404
    for method in ("POST", "HEAD", "OPTIONS"):
        response = get("/api/hello", function, method=method)
        assert (response.status_code, response.content) == (404, b"")


def test_a_function_may_name_every_method_that_an_sdk_knows() -> None:
    # QUERY came with the second generation of the SDK, which lists it for every hosted ASGI and WSGI application.
    every = ["GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS", "QUERY"]
    for method in every:
        assert get("/api/hello", http_function(hello, methods=every), method=method).status_code == 200


def test_a_method_that_does_not_exist_is_the_problem_of_its_function(caplog: pytest.LogCaptureFixture) -> None:
    assert get("/api/hello", http_function(hello, methods=["FETCH"]), method="FETCH").status_code == 500
    assert "unknown HTTP method FETCH" in caplog.text


def test_a_disabled_function_is_404_and_one_with_a_problem_500(caplog: pytest.LogCaptureFixture) -> None:
    assert get("/api/hello", http_function(hello, disabled=True)).status_code == 404
    response = get("/api/hello", http_function(hello, problem="no such thing"))
    assert (response.status_code, response.content) == (500, b"")
    assert "no such thing" in caplog.text


def test_the_listing_names_methods_and_paths_and_what_was_refused() -> None:
    functions = [
        http_function(hello, "one", methods=["post", "get"]),
        http_function(hello, "two", route="admin/x"),
        http_function(hello, "off", disabled=True),
    ]
    routes = build_function_routes(functions, {}, WebOptions())
    assert [(r.function.name, r.methods, r.path) for r in routes.routes] == [("one", ("GET", "POST"), "/api/one")]
    assert [function.name for function in routes.refused] == ["two"]


def test_blocking_functions_run_in_threads_and_async_ones_on_the_loop() -> None:
    threads: dict[str, threading.Thread] = {}

    def blocking(req: func.HttpRequest) -> str:
        threads["blocking"] = threading.current_thread()
        return "x"

    async def on_loop(req: func.HttpRequest) -> str:
        threads["async"] = threading.current_thread()
        return "x"

    async def ask() -> None:
        async with client_of(http_function(blocking, "a"), http_function(on_loop, "b")) as client:
            await client.get("/api/a")
            await client.get("/api/b")
            assert threads["async"] is threading.current_thread() is not threads["blocking"]

    asyncio.run(ask())


def test_a_blocking_function_holds_up_no_other() -> None:
    release = threading.Event()

    def wait(req: func.HttpRequest) -> str:
        return str(release.wait(10))

    async def ask() -> None:
        async with client_of(http_function(wait, "wait"), http_function(ahello, "hello")) as client:
            waiting = asyncio.create_task(client.get("/api/wait"))
            assert (await client.get("/api/hello")).text == "hello"
            release.set()
            assert (await waiting).text == "True"

    asyncio.run(ask())


def test_the_homepage_shows_unless_a_function_answers_there_or_it_is_off() -> None:
    page = get("/", http_function(hello))
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert get("/", http_function(hello), options=WebOptions(homepage=False)).status_code == 204
    root = http_function(hello, route="{*name}")
    assert get("/", root, options=with_http(route_prefix="")).text == "hello world"


def test_custom_headers_are_added_where_the_response_has_none_of_the_name() -> None:
    options = with_http(custom_headers={"X-Frame-Options": "DENY", "X-A": "host"})
    own = http_function(lambda req: func.HttpResponse("x", headers={"x-a": "own"}), "own")
    headers = get("/api/own", own, options=options).headers
    assert headers.get_list("x-a") == ["own"]
    assert headers["x-frame-options"] == "DENY"
    assert get("/api/none", own, options=options).headers["x-a"] == "host"


def test_hsts_is_sent_over_https_and_not_to_localhost() -> None:
    options = with_http(hsts=Hsts(include_subdomains=True, preload=True))

    def header(base_url: str) -> str | None:
        return get("/api/hello", http_function(hello), options=options, base_url=base_url).headers.get(
            "strict-transport-security"
        )

    assert header("https://example.org") == "max-age=2592000; includeSubDomains; preload"
    assert header("http://example.org") is None
    assert header("https://localhost:7071") is None


def test_the_gate_decides_and_a_refusal_is_an_empty_401() -> None:
    asked: list[str] = []

    async def gate(route: Route, scope: Scope) -> bool:
        asked.append(route.function.name)
        return b"x-functions-key" in dict(scope["headers"])

    async def ask() -> tuple[httpx.Response, httpx.Response]:
        async with client_of(http_function(ahello), gate=gate) as client:
            return await client.get("/api/hello"), await client.get("/api/hello", headers={"x-functions-key": "k"})

    refused, let_in = asyncio.run(ask())
    assert (refused.status_code, refused.content, let_in.status_code) == (401, b"", 200)
    assert asked == ["hello", "hello"]


def test_an_invocation_logs_one_line_by_default_two_on_demand_and_none_when_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "Function.hello")
    for lines in ("one", "pair", "none"):
        get("/api/hello?secret=1", http_function(hello), services=HostServices(ThreadPool(1), lines=lines))
    messages = [record.getMessage() for record in caplog.records if record.name == "Function.hello"]
    assert [message.split(" (")[0] for message in messages] == [
        "Executed 'Functions.hello'",
        "Executing 'Functions.hello'",
        "Executed 'Functions.hello'",
    ]
    assert "Reason='GET /api/hello'" in messages[1]


def test_a_websocket_is_refused() -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async with web_app(http_function(hello)) as routes:
            await routes({"type": "websocket", "path": "/api/hello", "headers": []}, receive, send)

    asyncio.run(ask())
    assert sent == [{"type": "websocket.close"}]


def test_a_request_that_comes_when_user_code_is_no_longer_started_is_503() -> None:
    async def ask() -> int:
        services = HostServices(ThreadPool(1))
        async with client_of(http_function(hello), services=services) as client:
            services.threads.close(5)
            return (await client.get("/api/hello")).status_code

    assert asyncio.run(ask()) == 503
