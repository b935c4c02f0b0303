"""Matching what the history records with what the code asks for now."""

import pytest

from funchost.durable.actions import Action, CallActivity, CallSubOrchestrator, CreateTimer, SendEvent, check_recorded
from funchost.durable.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated
from funchost.errors import NondeterminismError
from funchost.ids import InstanceId
from funchost.instant import Instant

NOW = Instant(0)
KID = InstanceId("kid")
CALL = CallActivity(3, "Echo", "[]")
CHILD = CallSubOrchestrator(3, "Echo", KID, None, None)
TIMER = CreateTimer(3, NOW)
SENT = SendEvent(3, KID, "go", None)
RECORDED = {
    "call": TaskScheduled(timestamp=NOW, event_id=3, name="ECHO"),
    "child": SubOrchestrationInstanceCreated(timestamp=NOW, event_id=3, name="echo", instance_id=InstanceId("other")),
    "timer": TimerCreated(timestamp=NOW, event_id=3, fire_at=Instant(77)),
    "sent": EventSent(timestamp=NOW, event_id=3, instance_id=InstanceId("other"), name="come"),
}
ACTIONS: dict[str, Action] = {"call": CALL, "child": CHILD, "timer": TIMER, "sent": SENT}


@pytest.mark.parametrize("recorded", RECORDED)
@pytest.mark.parametrize("asked", ACTIONS)
def test_the_kind_must_be_the_same_and_names_ignore_case(recorded: str, asked: str):
    if recorded == asked:
        check_recorded(RECORDED[recorded], ACTIONS[asked])
    else:
        with pytest.raises(NondeterminismError, match="under number 3"):
            check_recorded(RECORDED[recorded], ACTIONS[asked])


def test_another_name_is_another_decision():
    with pytest.raises(NondeterminismError, match=r"a call of activity 'ECHO' .* the code calls activity 'other' now"):
        check_recorded(RECORDED["call"], CallActivity(3, "other", "[]"))


def test_a_decision_that_the_code_no_longer_makes_is_named():
    with pytest.raises(NondeterminismError, match=r"an event sent to 'other' .* the code asks for nothing there now"):
        check_recorded(RECORDED["sent"], None)
