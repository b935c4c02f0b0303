# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import azure.functions as func
import httpx
import pytest

from funchost.web.request import binding_data, make_request
from web.function_apps import get, http_function, served, with_http


def seen(path: str, *, route: str | None = None, method: str = "GET", **request: Any) -> func.HttpRequest:
    """The request object that a function gets for this request."""
    requests: list[func.HttpRequest] = []

    def keep(req: func.HttpRequest) -> str:
        requests.append(req)
        return "kept"

    response = get(path, http_function(keep, "keep", route=route), method=method, **request)
    assert response.status_code == 200
    return requests[0]


def test_method_and_url_are_those_of_the_request() -> None:
    request = seen("/api/keep?name=a%20b", method="POST", base_url="https://example.org:8443")
    assert request.method == "POST"
    assert request.url == "https://example.org:8443/api/keep?name=a%20b"


def test_header_names_are_lower_case_and_repeats_are_joined() -> None:
    request = seen("/api/keep", headers=[("X-One", "1"), ("x-one", "2"), ("Other", "y")])
    assert "X-ONE" in request.headers
    assert request.headers["X-One"] == "1,2"
    assert [name for name in request.headers if name != name.lower()] == []


def test_query_values_are_decoded_repeats_joined_and_empty_ones_dropped() -> None:
    request = seen("/api/keep?a=1&A=2&b=&c&d=x+y%2Bz&%C3%A4=%C3%B6&code=secret")
    assert dict(request.params) == {"a": "1,2", "d": "x y+z", "ä": "ö", "code": "secret"}


def test_route_values_are_decoded_once_and_keep_an_encoded_slash() -> None:
    request = seen("/api/f/a%2Fb%20c%2525%2f/%C3%A4", route="f/{one}/{two}/{three?}")
    assert dict(request.route_params) == {"one": "a%2Fb c%25%2f", "two": "ä"}


def test_what_is_not_text_once_decoded_stays_encoded() -> None:
    assert seen("/api/f/%FF", route="f/{one}").route_params["one"] == "%FF"


def test_params_and_route_params_are_read_only() -> None:
    request: Any = seen("/api/f/1?a=1", route="f/{one}")
    with pytest.raises(TypeError):
        request.params["a"] = "2"
    with pytest.raises(TypeError):
        request.route_params["one"] = "2"


def test_a_json_body_is_parsed_on_demand() -> None:
    request = seen("/api/keep", method="POST", json={"a": [1, "ü"]})
    assert request.get_json() == {"a": [1, "ü"]}
    assert json.loads(request.get_body()) == {"a": [1, "ü"]}


@pytest.mark.parametrize("body", [b"", b"{not json", b"\xff\xfe"])
def test_a_missing_or_bad_json_body_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        seen("/api/keep", method="POST", content=body).get_json()


def test_forms_and_files_are_parsed() -> None:
    assert seen("/api/keep", method="POST", data={"a": "1"}).form["a"] == "1"
    request = seen("/api/keep", method="POST", files={"up": ("a.txt", b"content")})
    with closing(request.files["up"]) as upload:
        assert (upload.filename, upload.read()) == ("a.txt", b"content")


def test_a_chunked_body_is_read_too() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def ask() -> str:
        def echo(req: func.HttpRequest) -> bytes | str:
            return req.get_body().decode()

        async with served(http_function(echo, "echo")) as client:
            response = await client.post("/api/echo", content=chunks())
        assert response.request.headers["transfer-encoding"] == "chunked"
        return response.text

    assert asyncio.run(ask()) == "one two"


def test_a_body_over_the_limit_is_answered_413_and_the_function_is_not_called() -> None:
    calls: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"0123456789"

    async def ask() -> list[httpx.Response]:
        function = http_function(lambda req: calls.append(len(req.get_body())) or "ok", "size")
        async with served(function, options=with_http(body_limit_bytes=20)) as client:
            return [
                await client.post("/api/size", content=b"x" * 21),
                await client.post("/api/size", content=chunks()),
                await client.post("/api/size", content=b"x" * 20),
            ]

    assert [response.status_code for response in asyncio.run(ask())] == [413, 413, 200]
    assert calls == [20]


def test_the_trace_context_reaches_the_context_parameter() -> None:
    traces: list[tuple[str, str]] = []

    def keep(req: func.HttpRequest, context: func.Context) -> str:
        traces.append((context.trace_context.trace_parent, context.trace_context.trace_state))
        return "ok"

    get("/api/f", http_function(keep, "f"), headers={"traceparent": "00-a-b-01", "tracestate": "k=v"})
    get("/api/f", http_function(keep, "f"))
    assert traces == [("00-a-b-01", "k=v"), ("", "")]


def test_expressions_see_the_route_over_the_query_over_the_body() -> None:
    scope = {
        "method": "POST",
        "scheme": "http",
        "path": "/api/f/r",
        "raw_path": b"/api/f/r",
        "query_string": b"b=q&c=q&code=key",
        "headers": [],
    }
    request = make_request(scope, {"h": "1"}, {"c": "r"}, b'{"a": "body", "b": "body", "c": "body"}')
    data = binding_data(request)
    assert (data["a"], data["b"], data["c"]) == ("body", "q", "r")
    assert "code" not in data
    assert data["Headers"] == {"h": "1"}
    assert data["Query"]["b"] == "q"
    assert binding_data(make_request(scope, {}, {}, b"[1]")).keys() == {"b", "c", "Query", "Headers"}
