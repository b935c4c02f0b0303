"""A host whose orchestrations are told to a receiver on this machine, in place of a topic of Event Grid."""

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notifications.receiver import Post, Receiver, receiving
from samples.host_process import HostProcess

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def greet(context):
    return (yield context.call_activity("hello", context.get_input()))


@app.orchestration_trigger(context_name="context")
def fail(context):
    yield context.call_activity("hello", "you")
    raise ValueError("boom")


@app.orchestration_trigger(context_name="context")
def wait(context):
    yield context.wait_for_external_event("never")


@app.orchestration_trigger(context_name="context")
def thrice(context):
    round = context.get_input()
    yield context.call_activity("hello", round)
    if round < 3:
        context.continue_as_new(round + 1)


@app.activity_trigger(input_name="name")
def hello(name) -> str:
    return f"Hello {name}"
"""
API = "/runtime/webhooks/durabletask"


@contextmanager
def serving(folder: Path, receiver: Receiver, **options: object) -> Generator[HostProcess]:
    event_grid = {"topicEndpoint": receiver.url, "keySettingName": "TopicKey", **options}
    durable = {"hubName": "TellingHub", "notifications": {"eventGrid": event_grid}}
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"durableTask": durable}}))
    with HostProcess(folder, settings={"TopicKey": "hush"}) as host:
        yield host


def start(host: HostProcess, orchestrator: str, instance: str, given: object = None) -> None:
    assert host.start(f"{API}/orchestrators/{orchestrator}/{instance}", given) == instance


def test_begin_and_end_of_an_orchestration_are_posted(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path, receiver) as host:
        start(host, "greet", "a", "Ada")
        assert receiver.labels(2) == ["a Running", "a Completed"]
        assert "hush" not in host.output()
    post = receiver.posts[0]
    assert post.headers["aeg-sas-key"] == "hush"
    assert post.event["data"] == {
        "hubName": "TellingHub",
        "functionName": "greet",
        "instanceId": "a",
        "reason": "",
        "runtimeStatus": "Running",
    }


def test_failure_and_termination_are_posted_with_their_reasons(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path, receiver) as host:
        start(host, "fail", "a")
        assert receiver.labels(2) == ["a Running", "a Failed"]
        start(host, "wait", "b")
        assert receiver.labels(3)[2] == "b Running"
        assert host.http.post(f"{API}/instances/b/terminate?reason=enough").status_code == 202
        assert receiver.labels(4)[3] == "b Terminated"
    assert receiver.posts[1].event["data"]["reason"] == "Orchestrator function 'fail' failed: boom"
    assert receiver.posts[3].event["data"]["reason"] == "enough"


def test_every_round_of_continue_as_new_is_posted(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path, receiver) as host:
        start(host, "thrice", "a", 1)
        assert receiver.labels(6) == ["a Running", "a Completed"] * 3


def test_a_receiver_that_is_not_ready_gets_the_same_event_again(tmp_path: Path) -> None:
    answers = iter([503, 503])
    with (
        receiving(lambda post: next(answers, 200)) as receiver,
        serving(tmp_path, receiver, publishRetryCount=2, publishRetryInterval="00:00:00.02") as host,
    ):
        start(host, "greet", "a")
        assert receiver.labels(4) == ["a Running"] * 3 + ["a Completed"]
    assert len({post.event["id"] for post in receiver.posts}) == 2


def test_a_refusal_is_logged_and_the_orchestration_goes_on(tmp_path: Path) -> None:
    with receiving(lambda post: 401) as receiver, serving(tmp_path, receiver, publishRetryCount=5) as host:
        start(host, "greet", "a", "Ada")
        assert receiver.labels(2) == ["a Running", "a Completed"]
        assert host.finished("a")["output"] == "Hello Ada"
    assert "'Running' of instance 'a' was not delivered: answered with status 401" in host.output()


def test_a_receiver_that_hangs_holds_up_neither_orchestrations_nor_the_stop(tmp_path: Path) -> None:
    go = threading.Event()
    with receiving(waits_for(go)) as receiver:
        with serving(tmp_path, receiver) as host:
            for number in range(20):
                start(host, "greet", f"i{number}", number)
            assert [host.finished(f"i{number}")["output"] for number in range(20)] == [f"Hello {n}" for n in range(20)]
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 8
        go.set()
    assert "life-cycle notifications were not delivered before the host stopped" in host.output()


def waits_for(go: threading.Event) -> Callable[[Post], int]:
    def status_of(post: Post) -> int:
        go.wait()
        return 200

    return status_of


@pytest.mark.parametrize("types", [["Started"], ["Terminated", "Failed"]])
def test_only_the_chosen_types_are_posted(tmp_path: Path, types: list[str]) -> None:
    with receiving() as receiver:
        with serving(tmp_path, receiver, publishEventTypes=types) as host:
            start(host, "greet", "a")
            host.finished("a")
            start(host, "fail", "b")
            host.finished("b")
        # What was to be told has been delivered when the host has ended.
        told = sorted(post.label for post in receiver.posts)
    assert told == (["a Running", "b Running"] if types == ["Started"] else ["b Failed"])
