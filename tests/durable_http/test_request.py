"""Requests from and to the input of the activity."""

import json
from datetime import timedelta
from typing import Any

import pytest
from yarl import URL

from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.request import is_this_machine, parse_request, place, stored_request

FULL = {
    "method": "POST",
    "uri": "https://x/y?z=%2B",
    "headers": {"Accept": "application/json", "X-Many": ["a", "b"]},
    "content": '{"z": 1}',
    "tokenSource": {
        "kind": "AzureManagedIdentity",
        "resource": "https://management.core.windows.net",
        "options": {"authorityhost": "https://login.microsoftonline.com/", "tenantid": "t"},
    },
    "asynchronousPatternEnabled": False,
    "timeout": "00:01:40",
}


def test_what_is_stored_is_what_was_asked_for():
    assert json.loads(stored_request(parse_request(FULL))) == [FULL]


def test_the_case_of_the_members_does_not_count():
    shouting = {name.upper(): value for name, value in FULL.items()}
    assert parse_request(shouting) == parse_request(FULL)


def test_a_header_in_two_spellings_is_one_with_two_values():
    request = parse_request({"uri": "http://x", "headers": {"Accept": "a", "accept": "b"}})
    assert json.loads(stored_request(request))[0]["headers"] == {"Accept": ["a", "b"]}


def test_what_is_not_said_has_its_default():
    request = parse_request({"uri": "http://x", "content": None, "headers": None, "tokenSource": None})
    assert (request.method, request.headers, request.content, request.token) == ("GET", (), None, None)
    assert (request.follows_202, request.retry_on, request.timeout) == (True, None, None)


def test_retry_options_say_which_statuses_are_failures():
    options = {"FirstRetryInterval": "00:00:05", "MaxNumberOfAttempts": 3, "StatusCodesToRetry": [500, 503]}
    assert parse_request({"uri": "http://x", "RetryOptions": options}).retry_on == {500, 503}
    assert parse_request({"uri": "http://x", "retryOptions": {}}).retry_on == frozenset()


def test_a_timeout_is_a_duration():
    assert parse_request(FULL).timeout == timedelta(seconds=100)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"uri": "ftp://x/y"}, "begin with http"),
        ({"uri": "/y"}, "begin with http"),
        ({"uri": "http://x:port/"}, "the address cannot be read"),
        ({"uri": 1}, "uri must be str"),
        ({"headers": ["a"]}, "headers must be an object"),
        ({"timeout": "soon"}, "timeout: not a duration"),
        ({"tokenSource": {"kind": "Other", "resource": "r"}}, "kind 'Other'"),
        ({"tokenSource": {"kind": "AzureManagedIdentity"}}, "names no resource"),
        ({"headers": {"content-type": "Multipart/form-data; boundary=x"}}, "Multipart content is not supported"),
    ],
)
def test_what_cannot_be_sent_is_refused(wrong: dict[str, Any], problem: str):
    with pytest.raises(RequestRefused, match=problem):
        parse_request({**FULL, **wrong})


def test_no_request_is_refused():
    with pytest.raises(RequestRefused, match="must be an object"):
        parse_request("GET http://x")


def test_what_is_told_of_an_address_holds_no_secret():
    assert place(URL("http://user:password@host:81/a%20b?code=key#part")) == "host:81/a%20b"
    assert place(URL("https://host")) == "host/"
    assert place(URL("http://[::1]:8080/a")) == "[::1]:8080/a"


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://localhost:1/", True),
        ("http://app.localhost/", True),
        ("http://127.1.2.3/", True),
        ("http://[::1]/", True),
        ("http://localhost.example.org/", False),
        ("http://10.0.0.1/", False),
        ("http://example.org/", False),
    ],
)
def test_this_machine_is_known_by_its_name(address: str, here: bool):
    assert is_this_machine(URL(address)) is here
