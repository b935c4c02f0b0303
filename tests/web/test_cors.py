# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import httpx
import pytest

from funchost.web.options import WebOptions
from web.function_apps import get, http_function

PAGE = "https://page.example"


def ask(options: WebOptions, *, method: str = "GET", origin: str | None = PAGE, **headers: str) -> httpx.Response:
    sent = {"origin": origin} if origin else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return get(
        "/api/hello", http_function(lambda req: "hi", methods=["GET"]), options=options, method=method, headers=sent
    )


def test_without_origins_nothing_is_granted_and_a_preflight_is_no_match() -> None:
    assert "access-control-allow-origin" not in ask(WebOptions()).headers
    assert ask(WebOptions(), method="OPTIONS", access_control_request_method="GET").status_code == 404


def test_a_listed_origin_may_read_the_answer() -> None:
    response = ask(WebOptions(cors=(PAGE, "http://other")))
    assert response.text == "hi"
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in response.headers


def test_another_origin_gets_the_answer_without_leave_to_read_it() -> None:
    response = ask(WebOptions(cors=("http://other",)))
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


def test_a_preflight_grants_any_method_and_header() -> None:
    response = ask(
        WebOptions(cors=(PAGE,), cors_credentials=True),
        method="OPTIONS",
        access_control_request_method="DELETE",
        access_control_request_headers="x-one, x-two",
    )
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["access-control-allow-methods"] == "DELETE"
    assert response.headers["access-control-allow-headers"] == "x-one, x-two"
    assert response.headers["access-control-allow-credentials"] == "true"


def test_a_preflight_of_another_origin_is_answered_without_any_grant() -> None:
    response = ask(WebOptions(cors=("http://other",)), method="OPTIONS", access_control_request_method="GET")
    assert response.status_code == 204
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("credentials", [True, False])
def test_the_star_admits_any_origin_but_never_credentials(credentials: bool) -> None:
    response = ask(WebOptions(cors=("*",), cors_credentials=credentials))
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


def test_requests_without_an_origin_are_left_alone() -> None:
    assert "access-control-allow-origin" not in ask(WebOptions(cors=("*",)), origin=None).headers
