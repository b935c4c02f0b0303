"""What the reference engine was sent, wrote and answered, against what this one makes of the same messages."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from durable.entities.playing import WINDOW, advance_entity, finish, new_guids
from funchost.durable.entities.batch import EntityEngine
from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import read_request, read_response
from funchost.durable.entities.outbox import Message
from funchost.durable.entities.state import EntityState, read_state, status_json
from funchost.durable.entities.step import EntityStep
from funchost.durable.events import EventRaised
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.instant import Instant, parse
from golden import recording

SCENARIOS = ["entity-signal", "entity-call", "entity-lock"]
LATER = parse("2026-11-22T01:00:00Z")
"""Everything that was scheduled is due."""


def counter(context: Any) -> None:
    """The entity of the recordings."""
    value = context.get_state(lambda: {"value": 0})["value"]
    match context.operation_name:
        case "add":
            value += context.get_input()
            context.set_state({"value": value})
            context.set_result(value)
        case "get":
            context.set_result(value)
        case "delete":
            context.destruct_on_exit()
        case "forward":
            context.signal_entity(EntityKey("counter", "other"), "add", 100)
        case "start":
            context.start_new("Echo", "hi", instance_id="from-entity")
        case _:
            raise RuntimeError("op failed")


ENGINE = EntityEngine(
    DurableFunctions([Orchestrator("Echo", lambda _: None)], [], entities=[Entity("counter", counter)]),
    new_guids(),
    finish,
    reorder_window=WINDOW,
)


def puts(scenario: str) -> Iterator[tuple[str, EventRaised]]:
    """Every event that was raised in a recording, in order, with the instance that it went to."""
    for put in recording(scenario)["queuePuts"]:
        message = json.loads(put["messageText"])["TaskMessage"]
        event = message["Event"]
        if event["$type"].endswith(".EventRaisedEvent"):
            name, text, timestamp = event["Name"], event["Input"], parse(event["Timestamp"])
            yield (
                message["OrchestrationInstance"]["InstanceId"],
                EventRaised(timestamp=timestamp, name=name, input=text),
            )


def entity_rows(scenario: str, dump: str | None = None) -> Iterator[dict[str, Any]]:
    """The rows of entities in the instances table, in one dump or in all of them."""
    for key, value in recording(scenario).items():
        if key.startswith("dump:") and dump in (None, key.removeprefix("dump:")):
            for table, rows in value["tables"].items():
                if table.endswith("Instances"):
                    yield from (row for row in rows if row["PartitionKey"].startswith("@"))


def stored(scenario: str, dump: str, instance: str) -> Any:
    (text,) = (row["Input"] for row in entity_rows(scenario, dump) if row["PartitionKey"] == instance)
    return comparable(text)


def comparable(text: str) -> Any:
    """A state without the formatting of its inner JSON, with every time in one form, and without what only this
    engine writes."""
    members = json.loads(re.sub(r'(T\d\d:\d\d:\d\d(?:\.\d+)?)"', r'\1Z"', text))
    for ours in ("exists", "lockIds", "spentLocks"):
        members.pop(ours, None)
    if "state" in members:
        members["state"] = json.loads(members["state"])
    return members


def lived(scenario: str, instance: str, *, now: Instant = LATER, most: int | None = None) -> list[EntityStep]:
    """One step for each event that the instance got, up to the first ``most``."""
    state, steps = EntityState(), list[EntityStep]()
    events = [event for to, event in puts(scenario) if to == instance]
    for event in events[:most]:
        steps.append(advance_entity(entity_of(instance), state, [event], now, ENGINE))
        state = steps[-1].state
    return steps


def sent(steps: list[EntityStep]) -> list[Message]:
    return [message for step in steps for message in step.messages]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_stored_state_is_read_and_shows_the_recorded_status(scenario: str):
    rows = list(entity_rows(scenario))
    assert rows
    for row in rows:
        state = read_state(row["Input"])
        assert status_json(state) == row["CustomStatus"]
        assert comparable(state.to_json()) == comparable(row["Input"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_request_is_understood_member_by_member(scenario: str):
    known = {"IsLockRequest", "createTrace"}
    requests = [event.input or "" for to, event in puts(scenario) if to.startswith("@") and event.name[:2] == "op"]
    assert requests
    for text in requests:
        recorded = json.loads(text)
        ours = json.loads(read_request(text).to_json())
        assert ours.items() <= recorded.items()
        assert {key for key in recorded.keys() - ours.keys() if not key.endswith(("stamp", "cessor"))} == known


def test_calls_leave_the_recorded_state_and_get_the_recorded_answers():
    steps = lived("entity-call", "@counter@a")
    assert comparable(steps[-1].state.to_json()) == stored("entity-call", "after", "@counter@a")
    recorded = {event.name: read_response(event.input) for to, event in puts("entity-call") if to == "caller-1"}
    assert {message.name: read_response(message.input) for message in sent(steps)} == recorded


def test_signals_leave_the_recorded_states_at_every_dump():
    first, second, *_ = lived("entity-signal", "@counter@a")
    assert comparable(first.state.to_json()) == stored("entity-signal", "after-first-signal", "@counter@a")
    assert comparable(second.state.to_json()) == stored("entity-signal", "after-second-signal", "@counter@a")
    (scheduled, *_) = lived("entity-signal", "@counter@sched")
    assert comparable(scheduled.state.to_json()) == stored("entity-signal", "after-scheduled-signal", "@counter@sched")


def test_what_an_entity_sends_is_what_was_recorded():
    (recorded,) = (json.loads(e.input or "") for to, e in puts("entity-signal") if to == "@counter@other")
    steps = lived("entity-signal", "@counter@a", now=parse(recorded["Timestamp"]))
    forwarded, *others = sent(steps)
    request = read_request(forwarded.input)
    assert (forwarded.to, forwarded.name, others) == ("@counter@other", "op", [])
    assert (request.op, request.parent, request.timestamp) == ("add", recorded["parent"], recorded["Timestamp"])
    assert comparable(steps[-1].state.to_json()) == stored("entity-signal", "after-delete", "@counter@a")
    (start,) = (start for step in steps for start in step.starts)
    assert (start.name, start.instance_id) == ("Echo", "from-entity")


def test_a_signal_from_an_entity_leaves_the_recorded_state():
    steps = lived("entity-signal", "@counter@other")
    assert comparable(steps[-1].state.to_json()) == stored("entity-signal", "after-delete", "@counter@other")


def test_a_lock_travels_through_its_set_and_is_given_back_as_recorded():
    first = lived("entity-lock", "@counter@a")
    second = lived("entity-lock", "@counter@b")
    (recorded,) = (json.loads(e.input or "") for to, e in puts("entity-lock") if to == "@counter@b" and e.name == "op")
    onward = json.loads(sent(first)[0].input or "")
    for unlabelled in ("Timestamp", "Predecessor", "IsLockRequest", "createTrace"):
        recorded.pop(unlabelled)
    assert (sent(first)[0].to, onward) == ("@counter@b", recorded)
    granted = {event.name: read_response(event.input) for to, event in puts("entity-lock") if to == "locker-1"}
    answers = [message for message in sent(first) + sent(second) if message.to == "locker-1"]
    assert {message.name: read_response(message.input) for message in answers} == granted
    assert [step.state.locked_by for step in first] == ["locker-1", "locker-1", None]
    assert comparable(second[-1].state.to_json()) == stored("entity-lock", "after", "@counter@b")


def test_locked_states_are_the_recorded_ones_but_for_the_label_that_nobody_reads():
    (locked,) = lived("entity-lock", "@counter@a", most=1)
    recorded = stored("entity-lock", "while-locked", "@counter@a")
    del recorded["sorter"]["LastSentToInstance"], recorded["sorter"]["SendHorizon"]
    assert comparable(locked.state.to_json()) == recorded
    assert status_json(locked.state) == '{"lockedBy":"locker-1"}'
