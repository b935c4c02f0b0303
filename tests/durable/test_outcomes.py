"""From what the engine decided to what a hub makes durable."""

from funchost.durable.actions import CallActivity, CallSubOrchestrator, CreateTimer
from funchost.durable.deterministic_ids import child_execution_id
from funchost.durable.entities.messages import LockRef, Release, Request
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    ParentInstance,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskScheduled,
    TimerFired,
    TraceContext,
)
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Ending, SentEvent, Step
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import UNCHANGED, Append, NewActivity, Send, StatusChange
from funchost.taskhub.outcomes import (
    FIRE_AND_FORGET,
    activities_of,
    damaged,
    failed,
    lock_releases,
    sends_of,
    status_change,
    successor_start,
)

IT, RUN, NOW = InstanceId("it"), ExecutionId("run"), Instant(1000)
PARENT = ParentInstance("boss", InstanceId("parent"), ExecutionId("parent-run"), 7)
START = ExecutionStarted(
    timestamp=NOW,
    name="main",
    instance_id=IT,
    execution_id=RUN,
    input='"1"',
    version="2",
    parent=PARENT,
    tags={"team": "a"},
    trace=TraceContext("00-1-2-03"),
)


def a_step(start: ExecutionStarted = START) -> Step:
    return Step(start, [], None, False)


def sends(step: Step) -> list[Send]:
    return sends_of(step, IT, RUN, NOW)


def test_activities_keep_number_name_and_input():
    step = a_step()
    step.activities.append(CallActivity(3, "echo", '["1"]'))
    assert activities_of(step) == [NewActivity(3, "echo", '["1"]')]


def test_a_timer_is_a_message_to_the_execution_itself_when_it_is_due():
    step = a_step()
    step.timers.append(CreateTimer(4, Instant(9000)))
    fired = TimerFired(timestamp=NOW, timer_id=4, fire_at=Instant(9000))
    assert sends(step) == [Send(IT, fired, due=Instant(9000), execution=RUN)]


def test_a_child_inherits_tags_and_trace_and_knows_its_parent():
    step = a_step()
    step.children.append(CallSubOrchestrator(5, "child", InstanceId("kid"), '"x"', "3"))
    (send,) = sends(step)
    start = send.event
    assert isinstance(start, ExecutionStarted)
    assert (send.to, send.due, send.execution) == ("kid", None, None)
    assert (start.name, start.input, start.version) == ("child", '"x"', "3")
    assert start.execution_id == child_execution_id(RUN, 5)
    assert start.parent == ParentInstance("main", IT, RUN, 5, "2")
    assert (start.tags, start.trace) == ({"team": "a"}, START.trace)


def test_an_event_goes_to_whatever_execution_its_instance_runs():
    step = a_step()
    step.sent.append(SentEvent(InstanceId("other"), "go", "1"))
    assert sends(step) == [Send(InstanceId("other"), EventRaised(timestamp=NOW, name="go", input="1"))]


def test_an_event_for_later_is_delivered_when_it_is_due():
    step = a_step()
    step.sent.append(SentEvent(InstanceId("@counter@a"), "op@later", "{}", due=Instant(9000)))
    event = EventRaised(timestamp=NOW, name="op@later", input="{}")
    assert sends(step) == [Send(InstanceId("@counter@a"), event, due=Instant(9000))]


def test_an_ending_answers_the_parent_by_its_number_and_execution():
    step = a_step()
    step.ending = Ending(RuntimeStatus.COMPLETED, "5")
    answer = SubOrchestrationInstanceCompleted(timestamp=NOW, task_id=7, result="5")
    assert sends(step) == [Send(PARENT.instance_id, answer, execution=PARENT.execution_id)]


def test_failures_and_terminations_are_failures_to_the_parent():
    for status in (RuntimeStatus.FAILED, RuntimeStatus.TERMINATED):
        step = a_step()
        step.ending = Ending(status, "why", "where")
        answer = SubOrchestrationInstanceFailed(timestamp=NOW, task_id=7, reason="why", details="where")
        assert [send.event for send in sends(step)] == [answer]


def test_nobody_waits_for_a_child_that_was_fired_and_forgotten():
    tags = {FIRE_AND_FORGET: "", "team": "a"}
    start = ExecutionStarted(timestamp=NOW, name="main", instance_id=IT, execution_id=RUN, parent=PARENT, tags=tags)
    step = a_step(start)
    step.ending = Ending(RuntimeStatus.COMPLETED, "5")
    assert sends(step) == []
    step.children.append(CallSubOrchestrator(5, "child", InstanceId("kid"), None, None))
    (send,) = sends(step)
    assert isinstance(send.event, ExecutionStarted)
    assert send.event.tags == {"team": "a"}


def test_the_view_changes_only_where_the_step_changed_it():
    step = a_step()
    assert status_change(step) is None
    step.custom_status, step.custom_status_changed = '"on"', True
    assert status_change(step) == StatusChange(UNCHANGED, UNCHANGED, '"on"')
    step.status = RuntimeStatus.RUNNING
    assert status_change(step) == StatusChange(RuntimeStatus.RUNNING, UNCHANGED, '"on"')


def test_suspending_and_resuming_show_their_reason_as_output():
    step = a_step()
    step.status, step.reason = RuntimeStatus.SUSPENDED, "lunch"
    assert status_change(step) == StatusChange(RuntimeStatus.SUSPENDED, "lunch", UNCHANGED)
    step.status, step.reason = RuntimeStatus.RUNNING, "coffee"
    assert status_change(step) == StatusChange(RuntimeStatus.RUNNING, "coffee", UNCHANGED)


def test_an_ending_shows_its_output():
    step = a_step()
    step.status, step.ending = RuntimeStatus.COMPLETED, Ending(RuntimeStatus.COMPLETED, None)
    assert status_change(step) == StatusChange(RuntimeStatus.COMPLETED, None, UNCHANGED)


def test_a_successor_is_the_same_instance_with_a_new_execution_and_input():
    later = Instant(2000)
    start = successor_start(START, '"2"', ExecutionId("next"), later)
    assert (start.execution_id, start.input, start.timestamp) == ("next", '"2"', later)
    assert (start.name, start.instance_id, start.version) == ("main", IT, "2")
    assert (start.parent, start.tags, start.trace) == (PARENT, {"team": "a"}, START.trace)


def test_a_failure_that_the_host_decides_keeps_what_was_received_and_tells_the_parent():
    raised = EventRaised(timestamp=NOW, name="go", input="1")
    outcome = failed([], [raised, START], "too slow", NOW)
    assert isinstance(outcome.change, Append)
    assert [type(event).__name__ for event in outcome.change.events] == [
        "OrchestratorStarted",
        "ExecutionStarted",
        "EventRaised",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    assert outcome.status == StatusChange(RuntimeStatus.FAILED, "too slow")
    (answer,) = outcome.sends
    assert isinstance(answer.event, SubOrchestrationInstanceFailed)
    assert (answer.to, answer.event.task_id, answer.event.reason) == ("parent", 7, "too slow")


def test_the_event_of_such_a_failure_has_a_number_of_its_own():
    past = [TaskScheduled(timestamp=NOW, event_id=4, name="echo")]
    outcome = failed(past, [], "too slow", NOW)
    assert isinstance(outcome.change, Append)
    (end,) = [event for event in outcome.change.events if isinstance(event, ExecutionCompleted)]
    assert end.event_id == 5


# --- what cannot be read ----------------------------------------------------------------------------


def test_a_damaged_holder_of_locks_fails_answers_its_parent_and_releases():
    lock = Request(op=None, id="one", parent=IT, lockset=[LockRef("account", "a"), LockRef("account", "b")])
    sent = EventSent(timestamp=NOW, event_id=0, instance_id=InstanceId("@account@a"), name="op", input=lock.to_json())
    outcome = damaged([START, sent], "torn", NOW)
    to_a, to_b, answer = outcome.sends
    release = EventRaised(timestamp=NOW, name="release", input=Release(IT, "one").to_json())
    assert (to_a, to_b) == (Send(InstanceId("@account@a"), release), Send(InstanceId("@account@b"), release))
    assert isinstance(answer.event, SubOrchestrationInstanceFailed)


def test_a_holder_of_locks_that_its_host_ends_releases_and_records_it():
    lock = Request(op=None, id="one", parent=IT, lockset=[LockRef("account", "a")]).to_json()
    sent = EventSent(timestamp=NOW, event_id=0, instance_id=InstanceId("@account@a"), name="op", input=lock)
    outcome = failed([START, sent], [], "too slow", NOW)
    assert isinstance(outcome.change, Append)
    assert [(type(event).__name__, event.event_id) for event in outcome.change.events] == [
        ("OrchestratorStarted", -1),
        ("EventSent", 1),
        ("ExecutionCompleted", 2),
        ("OrchestratorCompleted", -1),
    ]
    assert [send.to for send in outcome.sends] == ["@account@a", "parent"]
    assert lock_releases([START, sent, *outcome.change.events], NOW) == []


def test_what_a_history_has_released_is_not_released_again():
    lock = Request(op=None, id="one", parent=IT, lockset=[LockRef("account", "a")]).to_json()
    release = Release(IT, "one").to_json()
    history = [
        EventSent(timestamp=NOW, event_id=number, instance_id=InstanceId("@account@a"), name=name, input=text)
        for number, (name, text) in enumerate([("op", lock), ("release", release)])
    ]
    assert lock_releases(history, NOW) == []
    assert [send.to for send in lock_releases(history[:1], NOW)] == ["@account@a"]
