"""``call_http``: what it asks for, and what comes back."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import ManagedIdentityTokenSource, RetryOptions
from azure.durable_functions.models import DurableHttpRequest

from durable.driver import Activities, failure_of, play, result_of
from durable.world import Slow
from funchost.durable.events import TaskScheduled
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import HTTP_ACTIVITY

OK: dict[str, Any] = {"statusCode": 200, "headers": {"Set-Cookie": ["a", "b"]}, "content": "hello"}
URL = "https://example.org/a?b=c"


def answering(*answers: Any) -> Activities:
    """The built-in activity gives these one after the other, the last one for ever; an exception is raised.

    Every mode of an execution begins anew.
    """
    return {HTTP_ACTIVITY: _Script(answers)}


class _Script:
    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = answers
        self._next = 0

    def __call__(self, request: Any) -> Any:
        answer = self._answers[self._next]
        self._next = (self._next + 1) % len(self._answers)
        if isinstance(answer, Exception):
            raise type(answer)(*answer.args)  # anew: a traceback grows each time it is raised
        return answer


def request_of(*arguments: Any, **more: Any) -> dict[str, Any]:
    """What the activity is given by ``call_http`` with these arguments."""

    def main(context: Any) -> Any:
        yield context.call_http(*arguments, **more)

    settings = EngineSettings(store_inputs=True)
    scheduled = play(main, activities=answering(OK), settings=settings).of(TaskScheduled)
    (request,) = json.loads(scheduled[0].input)
    return request


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "SET-COOKIE"])
def test_headers_of_an_answer_are_found_whatever_their_case(name: str):
    def main(context: Any) -> Any:
        headers = (yield context.call_http("GET", URL))["headers"]
        assert name in headers
        assert "x" not in headers
        assert headers.get("x") is None
        with pytest.raises(KeyError, match="x"):
            headers["x"]
        return [headers[name], headers.get(name), dict(headers)]

    cookies = OK["headers"]["Set-Cookie"]
    assert result_of(main, activities=answering(OK)) == [cookies, cookies, OK["headers"]]


def test_a_call_is_one_activity_and_its_result_a_dict():
    def main(context: Any) -> Any:
        return (yield context.call_http("GET", URL))

    played = play(main, activities=answering(OK))
    assert played.output == OK
    assert played.words[1:] == [
        "TaskScheduled 0 BuiltIn::HttpActivity",
        "TaskCompleted 0",
        "ExecutionCompleted 1 Completed",
    ]


@pytest.mark.parametrize("content", [None, "text", '{"z": 1}', "42", {"z": 1}, ["ü"], [], 0, False])
def test_the_request_is_the_one_that_the_sdk_makes(content: Any):
    headers, source = {"a": "b"}, ManagedIdentityTokenSource("https://vault.azure.net")
    body = None if content is None else json.dumps(content)
    official: dict[str, Any] = {**DurableHttpRequest("POST", URL, body, headers, source).to_json()}
    said = {name: value for name, value in official.items() if value is not None}
    assert request_of("POST", URL, content, headers, source) == said


def test_raw_text_is_sent_as_it_is():
    assert request_of("POST", URL, "a=1", is_raw_str=True)["content"] == "a=1"


def test_numbers_and_lists_are_headers_too():
    assert request_of("GET", URL, headers={"n": 1, "many": ["a", "b"]})["headers"] == {"n": "1", "many": ["a", "b"]}


@pytest.mark.parametrize("timeout", [100, 100.0, timedelta(seconds=100)])
def test_a_timeout_is_seconds_or_a_timedelta(timeout: Any):
    assert request_of("GET", URL, timeout=timeout)["timeout"] == "00:01:40"


def test_polling_can_be_switched_off():
    assert request_of("GET", URL, poll=False)["asynchronousPatternEnabled"] is False


def test_what_is_tried_again_is_part_of_the_request():
    options = request_of("GET", URL, retry=RetryOptions(5000, 3), retry_on=[503, 500])["retryOptions"]
    assert options["FirstRetryInterval"] == "00:00:05"
    assert (options["MaxNumberOfAttempts"], options["StatusCodesToRetry"]) == (3, [500, 503])


def test_each_attempt_is_an_activity_of_its_own():
    def main(context: Any) -> Any:
        return (yield context.call_http("GET", URL, retry=RetryOptions(2000, 3)))["content"]

    played = play(main, activities=answering(ConnectionError("refused"), OK))
    assert played.output == "hello"
    assert played.words[1:] == [
        "TaskScheduled 0 BuiltIn::HttpActivity",
        "TaskFailed 0",
        "TimerCreated 1 00:00:02.001Z",
        "TimerFired 1",
        "TaskScheduled 2 BuiltIn::HttpActivity",
        "TaskCompleted 2",
        "ExecutionCompleted 3 Completed",
    ]


def test_after_the_last_attempt_the_failure_comes_to_the_orchestrator():
    def main(context: Any) -> Any:
        try:
            yield context.call_http("GET", URL, retry=RetryOptions(1000, 2), retry_on=[503])
        except Exception as error:
            return str(error).split(" \n ")[0]

    output = result_of(main, activities=answering(ConnectionError("refused")))
    assert output == "Activity function 'BuiltIn::HttpActivity' failed:  ConnectionError: refused"


def test_a_request_that_nobody_answers_fails_the_orchestration_unless_it_is_caught():
    def main(context: Any) -> Any:
        yield context.call_http("GET", URL)

    text = failure_of(main, activities=answering(ConnectionError("refused")))
    assert text.startswith(
        "Orchestrator function 'main' failed: "
        "Activity function 'BuiltIn::HttpActivity' failed:  ConnectionError: refused \n "
    )


def test_calls_run_side_by_side_and_against_a_timer():
    def main(context: Any) -> Any:
        both = yield context.task_all([context.call_http("GET", URL), context.call_http("GET", URL)])
        deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=60))
        winner = yield context.task_any([context.call_http("GET", URL), deadline])
        return [len(both), winner is deadline]

    assert result_of(main, activities={HTTP_ACTIVITY: Slow(30, lambda request: OK)}) == [2, False]


def test_no_server_makes_objects_of_the_app():
    headers = {"__class__": "timedelta", "__module__": "datetime", "__data__": "1"}

    def main(context: Any) -> Any:
        return (yield context.call_http("GET", URL))["headers"]

    assert result_of(main, activities=answering({"statusCode": 200, "headers": headers, "content": ""})) == headers


def test_the_built_in_activity_is_not_among_the_functions_of_the_app():
    def main(context: Any) -> Any:
        yield context.call_activity("missing")

    assert "No activity functions are currently registered!" in failure_of(main)


def test_every_app_has_the_built_in_activity():
    def main(context: Any) -> Any:
        task = context.call_http("GET", URL)
        yield context.task_any([task, context.call_activity("echo")])
        return "scheduled"

    activities: Activities = {"echo": str, HTTP_ACTIVITY: lambda request: OK}
    assert result_of(main, activities=activities) == "scheduled"


Mistake = tuple[Callable[[Any], Any], str]
MISTAKES: list[Mistake] = [
    (lambda c: c.call_http("", URL), "ValueError: method cannot be empty"),
    (lambda c: c.call_http(None, URL), "TypeError: method must be a string"),
    (lambda c: c.call_http("GET", "/relative"), "ValueError: uri must be absolute"),
    (lambda c: c.call_http("GET", 1), "TypeError: uri must be a string"),
    (lambda c: c.call_http("GET", URL, {"a": 1}, is_raw_str=True), "TypeError: Invalid use of 'is_raw_str'"),
    (lambda c: c.call_http("GET", URL, None, is_raw_str=True), "TypeError: Invalid use of 'is_raw_str'"),
    (lambda c: c.call_http("GET", URL, {1}), "TypeError: Object of type set is not JSON serializable"),
    (lambda c: c.call_http("GET", URL, headers=[("a", "b")]), "TypeError: headers must be a dict"),
    (lambda c: c.call_http("GET", URL, headers={"a": None}), "TypeError: header 'a' must be a string"),
    (lambda c: c.call_http("GET", URL, headers={1: "a"}), "TypeError: the name of a header"),
    (lambda c: c.call_http("GET", URL, token_source="t"), "TypeError: token_source must be"),
    (lambda c: c.call_http("GET", URL, timeout=0), "ValueError: timeout must be more than nothing"),
    (lambda c: c.call_http("GET", URL, timeout="1s"), "TypeError: timeout must be a timedelta"),
    (lambda c: c.call_http("GET", URL, retry_on=[500]), "ValueError: retry_on names statuses"),
    (lambda c: c.call_http("GET", URL, retry=RetryOptions(1, 2), retry_on=[42]), "ValueError: retry_on takes"),
]


@pytest.mark.parametrize(("call", "problem"), MISTAKES)
def test_a_wrong_argument_raises_where_the_call_is_made(call: Callable[[Any], Any], problem: str):
    def main(context: Any) -> Any:
        try:
            call(context)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        yield

    assert result_of(main).startswith(problem)


def test_a_key_in_a_wrong_address_is_not_told():
    def main(context: Any) -> Any:
        yield context.call_http("GET", "example.org/path?code=secret")

    assert "secret" not in failure_of(main)
