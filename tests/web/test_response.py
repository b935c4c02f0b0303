# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import azure.functions as func
import httpx
import pytest

from funchost.app.spec import BindingSpec, Direction
from web.function_apps import get, http_function

HTTP_OUT = BindingSpec("http", "res", Direction.OUT)


def returning(value: Any, **options: Any) -> httpx.Response:
    return get("/api/f", http_function(lambda req: value, "f", **options))


def test_a_response_object_gives_status_headers_and_bytes() -> None:
    response = returning(func.HttpResponse(b"\x00\x01", status_code=201, headers={"X-A": "1"}, mimetype="image/png"))
    assert response.status_code == 201
    assert response.headers["x-a"] == "1"
    assert response.headers["content-type"] == "image/png"
    assert response.content == b"\x00\x01"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (func.HttpResponse("x"), "text/plain; charset=utf-8"),
        (func.HttpResponse("x", mimetype="text/html", charset="latin-1"), "text/html; charset=latin-1"),
        (func.HttpResponse("{}", mimetype="application/json"), "application/json"),
        (func.HttpResponse("x", headers={"Content-Type": "text/css"}, mimetype="text/html"), "text/css"),
    ],
)
def test_the_content_type_is_the_header_or_else_the_mimetype(response: func.HttpResponse, expected: str) -> None:
    assert returning(response).headers["content-type"] == expected


def test_a_subclass_of_the_response_is_a_response_too() -> None:
    class Own(func.HttpResponse):
        pass

    response = returning(Own("own", status_code=HTTPStatus.ACCEPTED, headers={"X-A": "1"}))
    assert (response.status_code, response.text, response.headers["x-a"]) == (202, "own", "1")


def test_text_is_a_plain_response() -> None:
    response = returning("grüß")
    assert (response.status_code, response.text) == (200, "grüß")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("text", ['{"a": 1}', "[1]", "{not json", '"body"', "null"])
def test_text_that_describes_no_response_is_sent_as_it_is(text: str) -> None:
    response = returning(text)
    assert (response.status_code, response.text) == (200, text)


@pytest.mark.parametrize(
    ("text", "status", "body", "content_type"),
    [
        ('{"body": "hi"}', 200, "hi", "text/plain; charset=utf-8"),
        ('{"body": "hi", "status": 201}', 201, "hi", "text/plain; charset=utf-8"),
        ('{"body": "hi", "statusCode": "202"}', 202, "hi", "text/plain; charset=utf-8"),
        ('{"body": {"a": 1}, "enableContentNegotiation": true}', 200, '{"a": 1}', "application/json; charset=utf-8"),
        ('{"body": null}', 200, "", "text/plain; charset=utf-8"),
        ('{"body": "<b>", "headers": {"Content-Type": "text/html"}}', 200, "<b>", "text/html"),
    ],
)
def test_text_with_a_body_describes_a_response(text: str, status: int, body: str, content_type: str) -> None:
    response = returning(text)
    assert (response.status_code, response.text, response.headers["content-type"]) == (status, body, content_type)


def test_a_described_response_may_have_cookies() -> None:
    response = returning('{"body": "", "cookies": [{"name": "a", "value": "1", "maxAge": 5, "httpOnly": true}]}')
    assert response.headers.get_list("set-cookie") == ["a=1; max-age=5; httponly"]


@pytest.mark.parametrize("value", [{"a": 1}, [1], 5, b"bytes", object(), None])
def test_a_value_that_is_no_response_is_an_empty_500(value: Any) -> None:
    response = returning(value)
    assert (response.status_code, response.content) == (500, b"")


@pytest.mark.parametrize("status", [99, 100, 101, 600, 0])
def test_a_status_that_is_none_is_a_500(status: int) -> None:
    assert returning(func.HttpResponse("x", status_code=status)).status_code == 500


def test_without_any_output_nothing_returned_is_204_and_a_value_is_500() -> None:
    assert returning(None, outputs=()).status_code == 204
    assert returning("text", outputs=()).status_code == 500


def test_an_output_parameter_sets_the_response_and_left_unset_gives_an_empty_200() -> None:
    def answer(req: func.HttpRequest, res: func.Out[func.HttpResponse]) -> None:
        if "name" in req.params:
            res.set(func.HttpResponse(req.params["name"], status_code=202))

    function = http_function(answer, "f", outputs=(HTTP_OUT,))
    assert (get("/api/f?name=ada", function).status_code, get("/api/f?name=ada", function).text) == (202, "ada")
    assert (get("/api/f", function).status_code, get("/api/f", function).content) == (200, b"")


def test_an_unannotated_output_parameter_takes_text() -> None:
    def answer(req: Any, res: Any) -> None:
        res.set("plain")

    assert get("/api/f", http_function(answer, "f", outputs=(HTTP_OUT,))).text == "plain"


def test_each_set_cookie_header_becomes_a_cookie_with_its_attributes() -> None:
    response = func.HttpResponse("x")
    response.headers.add("Set-Cookie", "a=1; Path=/p; Max-Age=60; Secure; HttpOnly; SameSite=Lax")
    response.headers.add("Set-Cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=example.org")
    assert returning(response).headers.get_list("set-cookie") == [
        "a=1; max-age=60; path=/p; samesite=Lax; secure; httponly",
        "b=2; expires=Wed, 21 Oct 2026 07:28:00 GMT; domain=example.org",
    ]


@pytest.mark.parametrize("header", ["", ";;;", "no cookie at all", "=5"])
def test_an_empty_or_malformed_cookie_is_dropped(header: str) -> None:
    response = returning(func.HttpResponse("x", headers={"Set-Cookie": header}))
    assert response.status_code == 200
    assert "set-cookie" not in response.headers


def test_a_cookie_with_an_expiry_that_is_no_date_is_a_500_that_names_the_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert returning(func.HttpResponse("x", headers={"Set-Cookie": "a=1; Expires=tomorrow"})).status_code == 500
    assert "'tomorrow'" in caplog.text


def test_of_headers_that_differ_in_case_only_the_first_is_kept() -> None:
    response = returning('{"body": "x", "headers": {"X-A": "first", "x-b": "1"}}')
    assert response.headers.get_list("x-a") == ["first"]
    repeated = func.HttpResponse("x")
    repeated.headers.add("X-A", "first")
    repeated.headers.add("x-a", "second")
    assert returning(repeated).headers.get_list("x-a") == ["first"]


def test_headers_about_framing_are_left_to_the_server() -> None:
    response = returning(func.HttpResponse("four", headers={"Content-Length": "99", "Transfer-Encoding": "chunked"}))
    assert response.headers["content-length"] == "4"
    assert "transfer-encoding" not in response.headers


def test_a_status_without_a_body_sends_none() -> None:
    response = returning(func.HttpResponse("ignored", status_code=204))
    assert (response.status_code, response.content) == (204, b"")


def test_a_line_break_in_a_header_is_refused() -> None:
    assert returning('{"body": "x", "headers": {"X-A": "1\\r\\nX-B: 2"}}').status_code == 500


def test_a_location_may_hold_any_characters_and_arrives_as_an_address() -> None:
    response = returning(
        func.HttpResponse(status_code=202, headers={"Location": "http://a/b c/\xfc\U0001f389?q=%20#{x}"})
    )
    assert response.headers["location"] == "http://a/b%20c/%C3%BC%F0%9F%8E%89?q=%20#{x}"


def test_a_header_that_cannot_be_sent_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert returning(func.HttpResponse("x", headers={"X-Mood": "\U0001f389"})).status_code == 500
    assert "header 'x-mood'" in caplog.text.lower()


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text either")


def raiser(error: Callable[[], BaseException]) -> Callable[..., Any]:
    def fail(req: func.HttpRequest) -> str:
        raise error()

    return fail


@pytest.mark.parametrize("error", [ValueError, Unprintable, StopIteration, SystemExit, AssertionError])
def test_an_exception_is_an_empty_500_and_its_type_is_in_the_log(
    error: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    response = get("/api/f", http_function(raiser(error), "f"))
    assert (response.status_code, response.content) == (500, b"")
    assert error.__name__ in caplog.text


@pytest.mark.parametrize("error", [ValueError, StopIteration, SystemExit])
def test_an_exception_of_an_async_function_is_an_empty_500(error: Callable[[], BaseException]) -> None:
    async def fail(req: func.HttpRequest) -> str:
        raise error()

    assert get("/api/f", http_function(fail, "f")).status_code == 500
