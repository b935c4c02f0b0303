"""What ``docs/departures.md`` promises of orchestrators, on a real host."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from samples.host_process import HostProcess, eventually

APP = """
import asyncio
from datetime import datetime, timedelta, timezone

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.activity_trigger(input_name="value")
def echo(value: object) -> object:
    return value


@app.orchestration_trigger(context_name="context")
def three_events(context):
    yield context.wait_for_external_event("go")
    seen = []
    for _ in range(3):
        seen.append((yield context.wait_for_external_event("item")))
    return seen


@app.orchestration_trigger(context_name="context")
def shared_task(context):
    task = context.call_activity("echo", 1)
    first = context.task_any([task])
    context.task_any([task, context.wait_for_external_event("never")])
    winner = yield first
    return winner.result


@app.orchestration_trigger(context_name="context")
def other_zone(context):
    due = context.current_utc_datetime.astimezone(timezone(timedelta(hours=5))) + timedelta(seconds=0.1)
    yield context.create_timer(due)
    return "fired"


@app.orchestration_trigger(context_name="context")
def years(context):
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=3650))
    task = context.call_activity("echo", "done")
    winner = yield context.task_any([timer, task])
    timer.cancel()
    return winner.result


@app.orchestration_trigger(context_name="context")
def two_thousand(context):
    task = context.call_activity("echo", 1)
    total = 0
    for _ in range(2000):
        total += yield task
    return total


@app.orchestration_trigger(context_name="context")
def nothing(context):
    yield None
    return "went on"


@app.orchestration_trigger(context_name="context")
def no_task(context):
    yield 42


@app.entity_trigger(context_name="context")
def account(context):
    if context.operation_name == "add":
        context.set_state(context.get_state(int) + context.get_input())
    context.set_result(context.get_state())


A, B = df.EntityId("account", "a"), df.EntityId("account", "b")


@app.orchestration_trigger(context_name="context")
def yielded_signal(context):
    yield context.signal_entity(A, "add", 5)
    return (yield context.call_entity(A, "get"))


@app.orchestration_trigger(context_name="context")
def later_signal(context):
    context.signal_entity(A, "add", 5, at=timedelta(seconds=0.1))
    balance = 0
    while not balance:
        yield context.create_timer(timedelta(seconds=0.1))
        balance = (yield context.call_entity(A, "get")) or 0
    return balance


@app.orchestration_trigger(context_name="context")
def transfer(context):
    with (yield context.lock(A, B)):
        yield context.call_entity(A, "add", -5)
        return (yield context.call_entity(B, "add", 5))


@app.orchestration_trigger(context_name="context")
def holder(context):
    yield context.lock(A, B)
    context.set_custom_status("locked")
    yield context.wait_for_external_event("never")


@app.orchestration_trigger(context_name="context")
async def naps(context):
    await asyncio.sleep(1)


@app.orchestration_trigger(context_name="context")
def by_the_clock(context):
    started = datetime.now()
    yield context.call_activity("echo", str(started))
    return context.call_activity("echo", 1).is_completed


@app.orchestration_trigger(context_name="context")
def no_json(context):
    yield context.call_activity("echo", {"items": [1, {2}]})
"""


@pytest.fixture
def host(tmp_path: Path) -> Generator[HostProcess]:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with HostProcess(tmp_path) as host:
        yield host


def outcome(host: HostProcess, orchestrator: str) -> tuple[str, Any]:
    status = host.finished(start(host, orchestrator))
    return status["runtimeStatus"], status["output"]


def start(host: HostProcess, orchestrator: str) -> str:
    return host.start(f"/runtime/webhooks/durabletask/orchestrators/{orchestrator}")


def test_events_of_one_name_queue_up(host: HostProcess) -> None:
    instance = start(host, "three_events")
    eventually(lambda: host.status(instance)["runtimeStatus"] == "Running" or None, what="the first wait")
    for name, value in (("item", 1), ("item", 2), ("item", 3), ("go", "now")):
        url = f"/runtime/webhooks/durabletask/instances/{instance}/raiseEvent/{name}"
        assert host.http.post(url, json=value).status_code == 202
    assert host.finished(instance)["output"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("orchestrator", "output"),
    [
        ("shared_task", 1),
        ("other_zone", "fired"),
        ("years", "done"),
        ("two_thousand", 2000),
        ("nothing", "went on"),
        ("yielded_signal", 5),
        ("later_signal", 5),
        ("transfer", 5),
    ],
)
def test_what_hangs_or_breaks_elsewhere_completes(host: HostProcess, orchestrator: str, output: object) -> None:
    assert outcome(host, orchestrator) == ("Completed", output)


def test_yielding_what_is_no_task_fails_with_a_reason(host: HostProcess) -> None:
    status, output = outcome(host, "no_task")
    assert status == "Failed"
    assert "42" in output or "int" in output


def test_a_terminated_orchestration_leaves_nothing_locked(host: HostProcess) -> None:
    instance = start(host, "holder")
    eventually(lambda: host.status(instance)["customStatus"] == "locked" or None, what="the locks")
    assert host.http.post(f"/runtime/webhooks/durabletask/instances/{instance}/terminate").status_code == 202
    assert outcome(host, "transfer") == ("Completed", 5)


@pytest.mark.parametrize(
    ("orchestrator", "told"),
    [
        ("naps", "use context.create_timer(...) instead of asyncio.sleep(...) (function_app.py, line "),
        ("no_json", "input['items'][1]: "),
    ],
)
def test_a_mistake_fails_with_what_to_mend_and_where(host: HostProcess, orchestrator: str, told: str) -> None:
    status, output = outcome(host, orchestrator)
    assert status == "Failed"
    assert told in output


def test_code_that_no_replay_repeats_is_warned_of_once_a_line(host: HostProcess) -> None:
    for _ in range(2):
        assert outcome(host, "by_the_clock") == ("Completed", False)
    line = 1 + APP[: APP.index("datetime.now()")].count("\n")
    warning = f"Orchestrator 'by_the_clock' calls datetime.now() (function_app.py, line {line})"
    assert host.output().count(warning) == 1
