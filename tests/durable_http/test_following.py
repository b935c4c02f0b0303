"""Where redirections and polls go, and with what."""

from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from durable_http.site import request
from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.following import poll_delay, poll_request, redirected
from funchost.durable_http.request import HttpRequest

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
DEFAULT = timedelta(seconds=30)
PROOFS = {"Authorization": "Bearer a", "Cookie": "b", "x-functions-key": "c", "Accept": "text/plain"}
POST = request(
    "POST",
    "https://here/jobs",
    headers={**PROOFS, "Content-Type": "application/json", "Content-Encoding": "identity", "Host": "virtual"},
    content="{}",
    tokenSource={"kind": "AzureManagedIdentity", "resource": "r"},
    timeout="00:00:07",
    retryOptions={"StatusCodesToRetry": [500]},
)


def names(of: HttpRequest) -> set[str]:
    return {name.lower() for name, _ in of.headers}


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("GET", 300, "GET"),
    ],
)
def test_the_method_of_a_redirection(method: str, status: int, expected: str):
    following = redirected(request(method, "http://here/", content="x"), status, "/there")
    assert following is not None
    assert (following.method, str(following.url)) == (expected, "http://here/there")
    assert (following.content is None) == (expected != method)


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (200, "/there"),
        (304, "/there"),
        (302, None),
        (302, "mailto:a@b"),
        (302, "http://x:port/"),
        (302, "http://here/"),
    ],
)
def test_what_is_no_redirection_is_the_answer(status: int, location: str | None):
    assert redirected(POST, status, location) is None


def test_what_proves_who_asks_stays_with_its_origin():
    inside, outside = redirected(POST, 307, "/other"), redirected(POST, 307, "https://elsewhere/")
    assert inside is not None
    assert outside is not None
    assert names(inside) == names(POST)
    assert names(outside) == {"accept", "content-type", "content-encoding"}


@pytest.mark.parametrize("elsewhere", ["http://here/", "https://here:444/", "https://there/"])
def test_another_scheme_port_or_host_is_another_origin(elsewhere: str):
    poll = poll_request(POST, POST.url, elsewhere)
    assert (names(poll), poll.token) == ({"accept"}, None)


def test_a_poll_asks_the_same_origin_as_the_call_does_but_for_the_key_and_the_content():
    poll = poll_request(POST, URL("https://here/jobs/"), "7?x=1")
    assert (poll.method, str(poll.url), poll.content) == ("GET", "https://here/jobs/7?x=1", None)
    assert names(poll) == {"authorization", "cookie", "accept", "host"}
    assert (poll.token, poll.timeout, poll.follows_202) == (POST.token, POST.timeout, True)


def test_nobody_tries_a_poll_again():
    assert poll_request(POST, POST.url, "/jobs/7").retry_on is None


@pytest.mark.parametrize(("location", "problem"), [(None, "has no Location"), ("ftp://x/", "cannot be polled")])
def test_a_202_that_cannot_be_polled_says_what_to_do(location: str | None, problem: str):
    with pytest.raises(RequestRefused, match=f"{problem}.*poll=False"):
        poll_request(POST, POST.url, location)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 30),
        ("5", 5),
        (" 5 ", 5),
        ("0", 0),
        ("soon", 30),
        ("-1", 30),
        ("9" * 40, 7 * 86400),
        ("Mon, 01 Jan 2024 12:01:00 GMT", 60),
        ("Mon, 01 Jan 2024 11:00:00 GMT", 0),
        ("Mon, 01 Jan 2024 12:01:00 -0000", 60),
        ("Fri, 01 Jan 9999 12:00:00 GMT", 7 * 86400),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 30),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", 30),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 7 * 86400),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str | None, seconds: float):
    assert poll_delay(retry_after, NOW, DEFAULT) == timedelta(seconds=seconds)
