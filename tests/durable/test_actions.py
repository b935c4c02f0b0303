"""Matching what the history records with what the code asks for now."""

import pytest

from funchost.durable.actions import (
    Action,
    AskEntity,
    CallActivity,
    CallSubOrchestrator,
    CreateTimer,
    ReleaseEntity,
    check_recorded,
    check_sent,
)
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import LockRef, Release, Request
from funchost.durable.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated
from funchost.errors import NondeterminismError
from funchost.ids import InstanceId
from funchost.instant import Instant

NOW = Instant(0)
KID = InstanceId("kid")
CALL = CallActivity(3, "Echo", "[]")
CHILD = CallSubOrchestrator(3, "Echo", KID, None, None)
TIMER = CreateTimer(3, NOW)
A, B = EntityKey("counter", "a"), EntityKey("counter", "b")
ASKED = AskEntity(3, A, Request(op="add", id=""))
RECORDED = {
    "call": TaskScheduled(timestamp=NOW, event_id=3, name="ECHO"),
    "child": SubOrchestrationInstanceCreated(timestamp=NOW, event_id=3, name="echo", instance_id=InstanceId("other")),
    "timer": TimerCreated(timestamp=NOW, event_id=3, fire_at=Instant(77)),
}
ACTIONS: dict[str, Action] = {"call": CALL, "child": CHILD, "timer": TIMER, "entity": ASKED}


@pytest.mark.parametrize("recorded", RECORDED)
@pytest.mark.parametrize("asked", ACTIONS)
def test_the_kind_must_be_the_same_and_names_ignore_case(recorded: str, asked: str):
    if recorded == asked:
        check_recorded(RECORDED[recorded], ACTIONS[asked])
    else:
        with pytest.raises(NondeterminismError, match="under number 3"):
            check_recorded(RECORDED[recorded], ACTIONS[asked])


def test_another_name_is_another_decision():
    with pytest.raises(NondeterminismError, match=r"a call of activity 'ECHO' .* calls activity 'other' there now"):
        check_recorded(RECORDED["call"], CallActivity(3, "other", "[]"))


def test_a_decision_that_the_code_no_longer_makes_is_named():
    with pytest.raises(NondeterminismError, match=r"a call of activity 'ECHO' .* the code asks for nothing there now"):
        check_recorded(RECORDED["call"], None)


# --- what goes to entities --------------------------------------------------------------------------


def sent(input_: str | None, *, to: EntityKey = A, name: str = "op") -> EventSent:
    return EventSent(timestamp=NOW, event_id=3, instance_id=to.instance_id, name=name, input=input_)


def request(op: str | None, *, signal: bool = False, lockset: list[EntityKey] | None = None) -> Request:
    refs = None if lockset is None else [LockRef(each.name, each.key) for each in lockset]
    return Request(op=op, id="the-id", signal=signal, parent=InstanceId("it"), lockset=refs)


CALLED, SIGNALLED, LOCKED = request("add"), request("add", signal=True), request(None, lockset=[A, B])


@pytest.mark.parametrize("one", [CALLED, SIGNALLED, LOCKED])
@pytest.mark.parametrize("other", [CALLED, SIGNALLED, LOCKED])
def test_calls_signals_and_locks_are_different_decisions(one: Request, other: Request):
    if one is other:
        recorded = check_sent(sent(one.to_json()), AskEntity(3, A, other))
        assert recorded is not None
        assert recorded.id == "the-id"
    else:
        with pytest.raises(NondeterminismError, match="under number 3"):
            check_sent(sent(one.to_json()), AskEntity(3, A, other))


def test_operations_ignore_case_and_keys_are_data():
    assert check_sent(sent(CALLED.to_json(), to=B), AskEntity(3, A, request("ADD"))) is not None


@pytest.mark.parametrize(
    ("recorded", "asked", "words"),
    [
        (
            sent(CALLED.to_json()),
            AskEntity(3, A, request("get")),
            "a call of entity '@counter@a', operation 'add' under number 3, "
            "but the code calls entity '@counter@a', operation 'get' there now",
        ),
        (
            sent(SIGNALLED.to_json()),
            AskEntity(3, EntityKey("log", "a"), request("add", signal=True)),
            "a signal to entity '@counter@a', operation 'add' under number 3, "
            "but the code signals entity '@log@a', operation 'add' there now",
        ),
        (
            sent(LOCKED.to_json()),
            AskEntity(3, A, request(None, lockset=[A])),
            "a request to lock '@counter@a', '@counter@b' under number 3, but the code locks '@counter@a' there now",
        ),
        (
            sent(Release(InstanceId("it"), "the-id").to_json(), name="release"),
            ReleaseEntity(3, B, LOCKED),
            "a release of entity '@counter@a' under number 3, but the code releases entity '@counter@b' there now",
        ),
        (sent(None, name="go"), CALL, "an event sent to '@counter@a' under number 3, but the code calls activity"),
    ],
)
def test_the_text_names_entities_and_operations(recorded: EventSent, asked: Action, words: str):
    with pytest.raises(NondeterminismError) as raised:
        check_sent(recorded, asked)
    assert words in str(raised.value)


def test_a_release_that_the_code_does_not_ask_for_is_the_engine_s():
    assert check_sent(sent(Release(InstanceId("it"), "the-id").to_json(), name="release"), None) is None
