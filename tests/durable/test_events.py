"""The canonical encoding of events: nothing is lost on the way, and each kind keeps its name."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.durable.events import (
    EVENT_NUMBERS,
    Event,
    FailureDetails,
    HistoryEvent,
    ParentInstance,
    TaskCompleted,
    TimerFired,
    TraceContext,
    decode_event,
    decode_events,
    encode_event,
    encode_events,
)
from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.integers(-1, 2**53)
EXTRA = st.none() | st.dictionaries(
    TEXT, TEXT | NUMBERS | st.none() | st.lists(TEXT, max_size=2), min_size=1, max_size=3
)
FAILURE = st.deferred(
    lambda: st.builds(
        FailureDetails,
        error_type=TEXT,
        message=TEXT,
        stack_trace=st.none() | TEXT,
        inner=st.none() | FAILURE,
        non_retriable=st.booleans(),
    )
)
TRACE = st.builds(
    TraceContext, traceparent=TEXT, tracestate=st.none() | TEXT, id=st.none(), span_id=st.none(), started=st.none()
)
PARENT = st.builds(ParentInstance, name=TEXT, instance_id=TEXT, execution_id=TEXT, task_id=NUMBERS, version=st.none())
TAGS = st.none() | st.dictionaries(TEXT, TEXT, min_size=1, max_size=2)
BY_FIELD: dict[str, st.SearchStrategy[Any]] = {
    "timestamp": NUMBERS,
    "event_id": NUMBERS,
    "task_id": NUMBERS,
    "timer_id": NUMBERS,
    "fire_at": NUMBERS,
    "scheduled_start": st.none() | NUMBERS,
    "generation": st.none() | NUMBERS,
    "status": st.sampled_from(RuntimeStatus),
    "extra": EXTRA,
    "tags": TAGS,
    "trace": st.none() | TRACE,
    "parent": st.none() | PARENT,
    "failure": st.none() | FAILURE,
    "input": st.none() | TEXT,
    "result": st.none() | TEXT,
    "reason": st.none() | TEXT,
    "details": st.none() | TEXT,
    "data": st.none() | TEXT,
    "unhandled": st.none() | st.lists(NUMBERS, max_size=3),
    "recurse": st.booleans(),
    "skipped": st.none() | st.lists(NUMBERS, max_size=3),
}


def events_of(kind: type[Event]) -> st.SearchStrategy[Any]:
    names = [field.name for field in msgspec.structs.fields(kind)]
    return st.builds(kind, **{name: BY_FIELD.get(name, TEXT) for name in names})


EVENTS: st.SearchStrategy[Any] = st.one_of([events_of(kind) for kind in EVENT_NUMBERS])


@given(EVENTS)
def test_an_event_survives_its_encoding(event: HistoryEvent):
    encoded = encode_event(event)
    decoded = decode_event(encoded)
    assert decoded == event
    assert type(decoded) is type(event)
    assert encode_event(decoded) == encoded


@given(st.lists(EVENTS, max_size=4))
def test_a_history_survives_its_encoding(events: list[HistoryEvent]):
    assert decode_events(encode_events(events)) == events


def test_every_kind_of_event_has_a_number_of_its_own():
    assert set(EVENT_NUMBERS) == set(get_args(HistoryEvent))
    assert len(set(EVENT_NUMBERS.values())) == len(EVENT_NUMBERS)


def test_defaults_are_left_out():
    event = TaskCompleted(timestamp=Instant(5), task_id=0)
    assert json.loads(encode_event(event)) == {"type": "TaskCompleted", "timestamp": 5, "task_id": 0}


def test_fields_of_other_engines_travel_in_extra():
    event = TimerFired(timestamp=Instant(5), timer_id=1, fire_at=Instant(4), extra={"Chunk": "3", "Nested": {"a": [1]}})
    assert decode_event(encode_event(event)).extra == {"Chunk": "3", "Nested": {"a": [1]}}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"type": "Nonsense", "timestamp": 1}', b'{"type": "TaskCompleted"}', b"5"]
)
def test_what_is_no_event_is_a_decode_error(data: bytes):
    with pytest.raises(msgspec.DecodeError):
        decode_event(data)
