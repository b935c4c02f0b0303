"""Values on their way into the database and back.

A history or message blob is one format byte and then the canonical encoding of the events, so that a later
release can write another encoding beside this one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from funchost.durable.events import (
    HistoryEvent,
    TraceContext,
    decode_event,
    decode_events,
    encode_event,
    encode_events,
)
from funchost.errors import StorageError, Unreadable
from funchost.taskhub.sqlite.schema import TASK_BITS

__all__ = [
    "ActivityReceipt",
    "Token",
    "activity_key",
    "encodable",
    "event_blob",
    "events_blob",
    "execution_of",
    "read_event",
    "read_events",
    "read_trace",
    "task_of",
    "text_bytes",
    "trace_blob",
]

T = TypeVar("T")
Text = TypeVar("Text", bound=str)

_FORMAT = b"\x01"
_TASK_MASK = (1 << TASK_BITS) - 1
_TRACE = msgspec.json.Decoder(TraceContext)


class Token(NamedTuple):
    """What a session is based on. ``fence`` rises when the owner changes, ``seq`` with every commit."""

    instance: int
    execution: int
    seq: int
    fence: int


class ActivityReceipt(NamedTuple):
    """Which row an activity's answer removes."""

    key: int
    instance: int


def activity_key(execution: int, task: int) -> int:
    """Raises StorageError for a task number that does not fit."""
    if not 0 <= task <= _TASK_MASK:
        raise StorageError(f"task number {task} is outside 0 to {_TASK_MASK}: let the orchestrator continue as new")
    return execution << TASK_BITS | task


def execution_of(key: int) -> int:
    return key >> TASK_BITS


def task_of(key: int) -> int:
    return key & _TASK_MASK


def event_blob(event: HistoryEvent) -> bytes:
    return _FORMAT + encode_event(event)


def events_blob(events: Sequence[HistoryEvent]) -> bytes:
    return _FORMAT + encode_events(list(events))


def read_event(blob: bytes) -> HistoryEvent:
    """Raises Unreadable."""
    return _decoded(decode_event, blob)


def read_events(blob: bytes) -> list[HistoryEvent]:
    """Raises Unreadable."""
    return _decoded(decode_events, blob)


def trace_blob(trace: TraceContext | None) -> bytes | None:
    return None if trace is None else _FORMAT + msgspec.json.encode(trace)


def read_trace(blob: bytes | None) -> TraceContext | None:
    """Raises Unreadable."""
    return None if blob is None else _decoded(_TRACE.decode, blob)


def encodable(text: Text) -> Text:
    """``text`` as it is: an id or a name that a statement will hold. Raises UnicodeEncodeError as
    :func:`text_bytes`."""
    if not text.isascii():
        text.encode()
    return text


def text_bytes(text: str | None) -> bytes | None:
    """Raises UnicodeEncodeError for text that is not Unicode (a lone surrogate)."""
    return None if text is None else text.encode()


def _decoded(decode: Callable[[bytes], T], blob: bytes) -> T:
    if blob[:1] != _FORMAT:
        raise Unreadable(f"a stored event has the unknown encoding {blob[:1].hex() or 'of nothing'}")
    try:
        return decode(blob[1:])
    except msgspec.DecodeError as exc:
        raise Unreadable(f"a stored event is damaged: {exc}") from exc
