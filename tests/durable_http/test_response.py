"""What an orchestrator gets of an answer."""

import json

import pytest
from yarl import URL

from funchost.durable_http.response import HttpResponse, status_name


def response(body: bytes = b"", *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(200, URL("http://x/"), headers, body)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", "Zürich".encode("latin-1"), "Zürich"),
        ("text/plain; charset='utf-8'", "Zürich".encode(), "Zürich"),
        ("text/plain", "Zürich".encode(), "Zürich"),
        ("text/plain", "\ufeffZürich".encode(), "Zürich"),
        ("text/plain", "Zürich".encode("utf-16"), "Zürich"),
        ("text/plain; charset=none-such", "Zürich".encode(), "Zürich"),
        ("text/plain; charset=hex", b"616263", "616263"),
        ("application/octet-stream", b"a\xff\x00b", "a\ufffd\x00b"),
        (";;", b"a", "a"),
    ],
)
def test_content_is_text(content_type: str, body: bytes, text: str):
    assert response(body, ("Content-Type", content_type)).text == text


def test_without_a_body_the_content_is_empty():
    assert json.loads(response().result()) == {"statusCode": 200, "headers": {}, "content": ""}


def test_a_repeated_header_is_a_list_under_its_first_name():
    answer = response(b"", ("Set-Cookie", "a"), ("Server", "x"), ("set-cookie", "b"))
    assert json.loads(answer.result())["headers"] == {"Set-Cookie": ["a", "b"], "Server": "x"}


@pytest.mark.parametrize(
    ("status", "name"), [(503, "ServiceUnavailable"), (500, "InternalServerError"), (404, "NotFound"), (599, "599")]
)
def test_a_status_has_the_name_that_dotnet_gives_it(status: int, name: str):
    assert status_name(status) == name
