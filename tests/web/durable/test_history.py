from typing import Any

from funchost.durable.events import (
    ContinuedAsNew,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    FailureDetails,
    GenericEvent,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant, parse
from funchost.web.durable.history import history_json


def at(second: str) -> Instant:
    return parse(f"2024-05-01T10:00:{second}Z")


STARTED = ExecutionStarted(
    timestamp=at("00.1234567"),
    name="Hello",
    instance_id=InstanceId("a1b2"),
    execution_id=ExecutionId("e"),
    input='{"city":"Oslo"}',
)
CHILD = SubOrchestrationInstanceCreated(timestamp=at("01"), event_id=1, name="Sub", instance_id=InstanceId("child"))


def rows(*events: HistoryEvent) -> list[dict[str, Any]]:
    return history_json(events, inputs=True, outputs=True)


def test_one_activity_shows_as_three_entries():
    shown = rows(
        OrchestratorStarted(timestamp=at("00.1")),
        STARTED,
        TaskScheduled(timestamp=at("00.3456789"), event_id=0, name="SayHi"),
        OrchestratorCompleted(timestamp=at("00.4")),
        OrchestratorStarted(timestamp=at("01.1")),
        TaskCompleted(timestamp=at("01.2345678"), task_id=0, result='"Hi Oslo"'),
        ExecutionCompleted(timestamp=at("01.456789"), event_id=1, status=RuntimeStatus.COMPLETED, result='["Hi Oslo"]'),
        OrchestratorCompleted(timestamp=at("01.5")),
    )
    assert [list(row.items()) for row in shown] == [
        [
            ("EventType", "ExecutionStarted"),
            ("Input", '{"city":"Oslo"}'),
            ("Correlation", None),
            ("ParentTraceContext", None),
            ("ScheduledStartTime", None),
            ("Generation", 0),
            ("Timestamp", "2024-05-01T10:00:00.1234567Z"),
            ("FunctionName", "Hello"),
        ],
        [
            ("EventType", "TaskCompleted"),
            ("Result", "Hi Oslo"),
            ("Timestamp", "2024-05-01T10:00:01.2345678Z"),
            ("ScheduledTime", "2024-05-01T10:00:00.3456789Z"),
            ("FunctionName", "SayHi"),
            ("Input", None),
        ],
        [
            ("EventType", "ExecutionCompleted"),
            ("OrchestrationStatus", "Completed"),
            ("Result", ["Hi Oslo"]),
            ("FailureDetails", None),
            ("Timestamp", "2024-05-01T10:00:01.456789Z"),
        ],
    ]


def test_a_task_without_its_answer_shows_under_its_name():
    shown = rows(STARTED, TaskScheduled(timestamp=at("01"), event_id=0, name="SayHi"), CHILD)
    assert [(row["EventType"], row["Name"]) for row in shown[1:]] == [
        ("TaskScheduled", "SayHi"),
        ("SubOrchestrationInstanceCreated", "Sub"),
    ]
    assert all("Version" not in row and "FunctionName" not in row for row in shown[1:])


def test_inputs_and_outputs_are_there_only_when_asked_for():
    events = [
        STARTED,
        EventRaised(timestamp=at("01"), name="Go", input="1"),
        ExecutionTerminated(timestamp=at("02"), reason="enough"),
        ExecutionCompleted(timestamp=at("02"), status=RuntimeStatus.TERMINATED, result="enough"),
    ]
    bare = history_json(events, inputs=False, outputs=False)
    assert all("Input" not in row and "Result" not in row for row in bare)
    full = history_json(events, inputs=True, outputs=True)
    assert [row.get("Input") for row in full] == ['{"city":"Oslo"}', "1", "enough", None]
    assert full[-1]["Result"] == "enough"


def test_failures_carry_their_reason_and_what_they_answer():
    failure = FailureDetails("ValueError", "boom", inner=FailureDetails("KeyError", "k"))
    task, child = rows(
        TaskScheduled(timestamp=at("01"), event_id=0, name="SayHi", input='"x"'),
        CHILD,
        TaskFailed(timestamp=at("02"), task_id=0, reason="r", details="d", failure=failure),
        SubOrchestrationInstanceFailed(timestamp=at("03"), task_id=1, reason="r2"),
    )
    assert task["FailureDetails"]["InnerFailure"] == {
        "ErrorType": "KeyError",
        "ErrorMessage": "k",
        "StackTrace": None,
        "InnerFailure": None,
        "IsNonRetriable": False,
    }
    assert (task["Reason"], task["FunctionName"], task["Input"]) == ("r", "SayHi", '"x"')
    assert (child["Reason"], child["FunctionName"], child["InstanceId"]) == ("r2", "Sub", "child")


def test_timers_events_and_pauses_show_their_own_members():
    fire = at("09.5")
    shown = rows(
        TimerCreated(timestamp=at("01"), event_id=0, fire_at=fire),
        TimerFired(timestamp=at("02"), timer_id=0, fire_at=fire),
        EventSent(timestamp=at("03"), event_id=1, instance_id=InstanceId("b"), name="Go", input="null"),
        ExecutionSuspended(timestamp=at("04"), reason="wait"),
        ExecutionResumed(timestamp=at("05")),
        GenericEvent(timestamp=at("06"), data="x", reason="Rewound: TaskFailed"),
        ContinuedAsNew(timestamp=at("07"), input="1"),
    )
    for row in shown:
        del row["Timestamp"]
    assert shown == [
        {"EventType": "TimerCreated", "FireAt": "2024-05-01T10:00:09.5Z"},
        {"EventType": "TimerFired", "FireAt": "2024-05-01T10:00:09.5Z"},
        {"EventType": "EventSent", "InstanceId": "b", "Name": "Go", "Input": "null"},
        {"EventType": "ExecutionSuspended", "Reason": "wait"},
        {"EventType": "ExecutionResumed", "Reason": None},
        {"EventType": "GenericEvent", "Data": "x", "Reason": "Rewound: TaskFailed"},
        {"EventType": "ContinueAsNew", "OrchestrationStatus": "ContinuedAsNew", "Result": 1, "FailureDetails": None},
    ]


def test_an_answer_to_nothing_still_shows():
    (row,) = rows(SubOrchestrationInstanceCompleted(timestamp=at("01"), task_id=7, result="1"))
    assert row == {
        "EventType": "SubOrchestrationInstanceCompleted",
        "Result": 1,
        "Timestamp": "2024-05-01T10:00:01Z",
    }
