"""Driving an author's function by itself."""

import functools
from collections.abc import Generator
from typing import Any

import pytest

from funchost.durable.payloads import PayloadError
from funchost.durable.user_code import Raised, Returned, Suspended, UserCode


def two_steps(context: Any) -> Generator[Any, Any, Any]:
    first = yield 1
    try:
        yield first
    except ValueError as error:
        return f"caught {error}"


def test_a_generator_is_driven_yield_by_yield():
    code = UserCode(two_steps)
    assert code.start(None) == Suspended(1)
    assert code.send("a") == Suspended("a")
    assert code.throw(ValueError("x")) == Returned("caught x")


def test_what_a_plain_function_returns_is_the_output():
    assert UserCode(lambda context: [context]).start(5) == Returned([5])


def test_an_error_carries_a_traceback_of_the_author_s_frames():
    def broken(context: Any) -> Any:
        raise ValueError("boom")

    raised = UserCode(broken).start(None)
    assert isinstance(raised, Raised)
    assert "in broken" in raised.traceback
    assert "durable/user_code" not in raised.traceback


def test_stored_data_that_cannot_be_decoded_passes_through():
    def reads(context: Any) -> Any:
        yield 1
        raise PayloadError("bad")

    code = UserCode(reads)
    code.start(None)
    with pytest.raises(PayloadError):
        code.send(None)


def test_closing_is_silent_and_may_be_repeated():
    seen: list[str] = []

    def stubborn(context: Any) -> Any:
        try:
            yield 1
        finally:
            seen.append("closed")
            raise ValueError("on the way out")

    code = UserCode(stubborn)
    code.start(None)
    code.close()
    code.close()
    assert seen == ["closed"]


def test_code_that_is_closed_before_it_starts_does_nothing():
    seen: list[str] = []
    UserCode(lambda context: seen.append("started")).close()
    assert seen == []


def wrapped(context: Any) -> Any:
    return two_steps(context)


@functools.wraps(two_steps)
def transparent(context: Any) -> Any:
    return two_steps(context)


@pytest.mark.parametrize(("function", "own"), [(two_steps, True), (wrapped, False), (transparent, True)])
def test_only_the_author_s_own_generator_may_be_kept(function: Any, own: bool):
    code = UserCode(function)
    code.start(None)
    assert code.is_authors_own is own
    code.close()
