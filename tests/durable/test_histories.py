"""Events as user code sees them."""

from datetime import UTC, datetime

from azure.durable_functions.models.history import HistoryEvent as OfficialEvent
from azure.durable_functions.models.history import HistoryEventType as OfficialType

from funchost.durable.events import (
    EVENT_NUMBERS,
    ContinuedAsNew,
    EventRaised,
    ExecutionStarted,
    TaskCompleted,
    TaskFailed,
    TimerCreated,
    TimerFired,
)
from funchost.durable.histories import history_views
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import parse

NOW = parse("2024-01-01T00:00:00.1234567Z")


def test_past_events_are_played_and_new_ones_are_not():
    views = history_views([TaskCompleted(timestamp=NOW, task_id=0)], [TaskCompleted(timestamp=NOW, task_id=1)])
    assert [(view.is_played, view.TaskScheduledId) for view in views] == [(True, 0), (False, 1)]
    assert not views[0].is_processed


def test_an_event_has_the_names_of_the_wire_format():
    start = ExecutionStarted(
        timestamp=NOW,
        name="main",
        instance_id=InstanceId("it"),
        execution_id=ExecutionId("1"),
        input="[1]",
        version="2",
    )
    failed = TaskFailed(timestamp=NOW, task_id=3, reason="r", details="d")
    created = TimerCreated(timestamp=NOW, event_id=4, fire_at=NOW)
    fired = TimerFired(timestamp=NOW, timer_id=4, fire_at=NOW)
    raised = EventRaised(timestamp=NOW, name="go", input='"x"')
    again = ContinuedAsNew(timestamp=NOW, input="5")
    a, b, c, d, e, f = history_views([start, failed, created, fired, raised, again], [])
    assert (a.event_type, a.Name, a.Input, a.InstanceId, vars(a)["Version"]) == (0, "main", "[1]", "it", "2")
    assert (b.TaskScheduledId, b.Reason, b.Details) == (3, "r", "d")
    assert (c.event_id, vars(c)["FireAt"]) == (4, "2024-01-01T00:00:00.1234567Z")
    assert vars(d)["TimerId"] == 4
    assert (e.Name, e.Input) == ("go", '"x"')
    assert (f.event_type, vars(f)["Result"]) == (16, "5")


def test_a_timestamp_is_an_aware_datetime():
    (view,) = history_views([TaskCompleted(timestamp=NOW, task_id=0)], [])
    assert view.timestamp == datetime(2024, 1, 1, 0, 0, 0, 123456, UTC)


def test_every_event_has_the_public_members_of_the_sdk_s_class():
    official = {name for name in dir(OfficialEvent) if not name.startswith("_")}
    (view,) = history_views([TaskCompleted(timestamp=NOW, task_id=0, result="1")], [])
    assert official <= set(dir(view))
    assert {"Name", "InstanceId", "TaskScheduledId", "Reason", "Details", "Input", "Result"} <= set(dir(view))


def test_the_numbers_of_event_types_are_the_sdk_s():
    ours = set(EVENT_NUMBERS.values())
    theirs = {member.value for member in OfficialType}
    assert ours & theirs >= {0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
    assert EVENT_NUMBERS[TaskCompleted] == OfficialType.TASK_COMPLETED
