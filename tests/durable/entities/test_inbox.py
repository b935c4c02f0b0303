"""What arriving events do to an entity, without any code of the author's."""

import json

import pytest

from durable.entities.playing import (
    CALLER,
    COUNTER,
    NOW,
    OTHER,
    WINDOW,
    called,
    later,
    lock_request,
    locking,
    raised,
    releasing,
    request,
    sent,
)
from funchost.durable.entities.inbox import Inbox
from funchost.durable.entities.messages import Request, failed, scheduled_operation
from funchost.durable.entities.sorter import Sorter, in_order, labelled
from funchost.durable.entities.state import EntityState
from funchost.durable.events import ExecutionTerminated, HistoryEvent, SubOrchestrationInstanceFailed
from funchost.instant import Instant, isoformat


def received(*events: HistoryEvent, state: EntityState | None = None, window: int = 0) -> Inbox:
    inbox = Inbox(COUNTER, state or EntityState(), NOW, window=window)
    for event in events:
        inbox.receive(event)
    return inbox


def queued(inbox: Inbox) -> list[str | None]:
    return [waiting.op for waiting in inbox.queue.requests]


def scheduled(due: Instant) -> HistoryEvent:
    text = request("a", due=isoformat(due)).to_json()
    return raised(scheduled_operation(due), text)


def two_labelled() -> list[Request]:
    sender = Sorter()
    return [labelled(sender, request(op), COUNTER.instance_id, now=NOW, window=WINDOW) for op in "ab"]


def test_requests_are_queued_and_a_continue_is_only_there_to_wake():
    inbox = received(called("a"), raised("continue", None), called("b"))
    assert (queued(inbox), inbox.dropped, inbox.messages) == (["a", "b"], [], [])


@pytest.mark.parametrize(
    "event",
    [
        raised("op", None),
        raised("op", "no json"),
        raised("op", '{"op":"a"}'),
        raised("op@soon", "{}"),
        raised("release", "[]"),
        raised("operation", None),
        raised("Continue", None),
        sent(request("a", due="soon")),
        ExecutionTerminated(timestamp=NOW, reason="no more"),
    ],
)
def test_an_event_that_is_not_understood_is_reported_and_the_others_are_handled(event: HistoryEvent):
    inbox = received(called("a"), event, called("b"))
    assert queued(inbox) == ["a", "b"]
    assert len(inbox.dropped) == 1


def test_labels_that_are_none_are_reported_where_they_count():
    event = sent(request("a", timestamp="soon"))
    assert received(event, window=WINDOW).dropped
    assert not received(event).dropped


def test_an_orchestration_that_could_not_be_started_is_reported_with_the_reason():
    event = SubOrchestrationInstanceFailed(timestamp=NOW, task_id=0, reason="it exists already")
    assert received(event).dropped == ["an orchestration could not be started: it exists already"]


# --- times -------------------------------------------------------------------------------------------


def test_a_request_that_comes_too_early_is_sent_back_with_its_time():
    due = later(0.2)
    inbox = received(scheduled(due))
    (message,) = inbox.messages
    assert queued(inbox) == []
    assert (message.to, message.name, message.due) == ("@counter@a", scheduled_operation(due), due)
    assert json.loads(message.input or "")["due"] == isoformat(due)


@pytest.mark.parametrize("due", [later(0.1), NOW, later(-60)])
def test_a_request_that_is_due_is_queued(due: Instant):
    inbox = received(scheduled(due))
    assert (queued(inbox), inbox.messages) == (["a"], [])


def test_a_scheduled_request_has_no_place_in_the_order_of_its_sender():
    _, second = two_labelled()
    second.due = isoformat(NOW)
    assert queued(received(sent(second), window=WINDOW)) == ["b"]


# --- order -------------------------------------------------------------------------------------------


def test_requests_that_overtook_others_wait_for_them():
    first, second = two_labelled()
    inbox = received(sent(second), window=WINDOW)
    assert queued(inbox) == []
    assert queued(received(sent(first), state=EntityState(sorter=inbox.sorter), window=WINDOW)) == ["a", "b"]


def test_what_waits_in_a_stored_sorter_is_queued_by_a_host_that_needs_none():
    _, second = two_labelled()
    sorter = Sorter()
    in_order(sorter, second, window=WINDOW)
    inbox = received(called("c"), state=EntityState(sorter=sorter))
    assert queued(inbox) == ["b", "c"]
    assert inbox.sorter == Sorter()
    assert sorter.received[CALLER].buffered, "the state that it came from is as it was"


# --- locks -------------------------------------------------------------------------------------------


def test_a_lock_request_that_was_given_back_in_the_same_breath_is_gone():
    assert queued(received(locking("p"), releasing("p"))) == []
    assert queued(received(releasing("p"), locking("p"))) == []


def test_a_lock_request_that_names_nobody_is_reported():
    nobody = lock_request("p", COUNTER)
    nobody.parent = None
    inbox = received(sent(nobody))
    assert (queued(inbox), inbox.messages) == ([], [])
    assert inbox.dropped == ["a lock request names nobody who would hold the lock"]


@pytest.mark.parametrize(("entities", "pos"), [((COUNTER,), 1), ((COUNTER,), -1), ((OTHER,), 0), ((OTHER, COUNTER), 0)])
def test_a_lock_request_for_somebody_else_is_refused_to_who_waits_for_it(entities: tuple[object, ...], pos: int):
    inbox = received(locking("p", *entities, pos=pos))  # type: ignore[arg-type]  # entities are keys
    (report,) = inbox.dropped
    assert queued(inbox) == []
    assert [(m.to, m.name, m.input) for m in inbox.messages][:1] == [("p", "lock of p", failed(report))]


def test_a_refused_lock_request_gives_back_what_it_has_locked_on_its_way():
    inbox = received(locking("p", OTHER, OTHER, pos=1))
    assert [(m.to, m.name) for m in inbox.messages] == [("p", "lock of p"), (OTHER.instance_id, "release")]
