"""Locks in histories that the code does not fit any more, cannot read, or did not write itself."""

from typing import Any

from durable.accounts import ENTITIES, A, B, holds, lived
from durable.driver import INSTANCE, elapse, play, raised
from durable.world import START, World
from funchost.durable.entities.messages import LOCK_ACQUIRED, succeeded
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId


def test_an_instance_whose_code_has_changed_releases_what_its_history_holds():
    changed: list[bool] = []

    def main(context: Any) -> Any:
        if changed:
            yield context.call_activity("echo")
        with (yield context.lock(A, B)):
            yield context.wait_for_external_event("go")

    def change(world: World) -> None:
        changed.append(True)
        for hosted in world.instances.values():
            hosted.live.engine = None

    def restore(world: World) -> None:
        world.run()
        changed.clear()

    played = lived(main, elapse(1), holds("a", "b"), change, raised("go"), restore)
    assert "a request to lock '@account@a', '@account@b' under number 0" in str(played.output)
    assert played.words[-3:] == [
        "EventSent 1 release @account@a",
        "EventSent 2 release @account@b",
        "ExecutionCompleted 3 Failed",
    ]


def test_stored_data_that_cannot_be_decoded_does_not_keep_its_locks():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.wait_for_external_event("go")

    def garbage(world: World) -> None:
        world.post(INSTANCE, EventRaised(timestamp=world.now, name="go", input="{not json"))

    assert lived(main, elapse(1), garbage).status is RuntimeStatus.FAILED


def test_a_rewound_instance_goes_on_behind_the_releases_of_its_failure():
    def main(context: Any) -> Any:
        with (yield context.lock(A)):
            yield context.call_activity("broken")

    def broken(value: Any) -> Any:
        raise ValueError("broken")

    failed_run = play(main, entities=ENTITIES, activities={"broken": broken})
    neutral = (TaskScheduled, TaskFailed, ExecutionCompleted)
    past: list[HistoryEvent] = [
        GenericEvent(timestamp=e.timestamp) if isinstance(e, neutral) else e for e in failed_run.history
    ]
    functions = DurableFunctions([Orchestrator("main", main)], ["broken"], entities=[Entity("account", main)])
    step = Execution(failed_run.hosted.live.execution, functions, EngineSettings()).replay(past, [], START)
    assert [(one.id, one.name) for one in step.activities] == [(1, "broken")]
    assert (step.ending, step.sent) == (None, [])


GUID = "0000000a-0001-0002-0304-05060708090a"


def test_a_lock_of_another_engine_is_released_under_the_id_that_it_gave():
    def main(context: Any) -> Any:
        with (yield context.lock(B, A)):
            yield context.call_activity("echo")

    now, run = START, ExecutionId("c255e1b64c034dd4840167d50637db43")
    request = (
        f'{{"op":null,"id":"{GUID}","parent":"it","parentExecution":"{run}","Timestamp":"2026-11-22T00:52:52Z",'
        '"lockset":[{"name":"account","key":"a"},{"name":"account","key":"b"}],"IsLockRequest":true}'
    )
    past: list[HistoryEvent] = [
        ExecutionStarted(timestamp=now, name="main", instance_id=INSTANCE, execution_id=run),
        EventSent(timestamp=now, event_id=0, instance_id=InstanceId("@account@a"), name="op", input=request),
        EventRaised(timestamp=now, name=GUID, input=succeeded(LOCK_ACQUIRED)),
        TaskScheduled(timestamp=now, event_id=1, name="echo"),
    ]
    functions = DurableFunctions([Orchestrator("main", main)], ["echo"], entities=[Entity("account", main)])
    step = Execution(run, functions, EngineSettings()).replay(past, [TaskCompleted(timestamp=now, task_id=1)], now)
    release = f'{{"parent":"it","id":"{GUID}"}}'
    assert [(s.to, s.name, s.input) for s in step.sent] == [
        ("@account@a", "release", release),
        ("@account@b", "release", release),
    ]
