"""``context.histories``: the events as user code knows them, with the names of the wire format."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from funchost.durable.events import EVENT_NUMBERS, ContinuedAsNew, Event, HistoryEvent
from funchost.instant import Instant, isoformat, to_datetime

__all__ = ["HistoryEventView", "history_views"]

_SPECIAL_NAMES = {
    "task_id": "TaskScheduledId",
    "timer_id": "TimerId",
    "instance_id": "InstanceId",
    "fire_at": "FireAt",
    "status": "OrchestrationStatus",
    "failure": "FailureDetails",
    "scheduled_start": "ScheduledStartTime",
    "trace": "ParentTraceContext",
    "parent": "ParentInstance",
}
_BASE_FIELDS = {"timestamp", "event_id", "extra", "execution_id"}
_OWN_NOTES = {"unhandled", "recurse", "skipped"}
"""What this engine notes for itself; the wire format knows nothing of it."""

_LEFT_OUT = _BASE_FIELDS | _OWN_NOTES


class HistoryEventView:
    """One event, shaped as the SDK's ``HistoryEvent``; ``Result`` and ``Input`` are JSON text."""

    Name: Any = None
    InstanceId: Any = None
    TaskScheduledId: Any = None
    Reason: Any = None
    Details: Any = None
    Input: Any = None

    def __init__(self, event: HistoryEvent, *, is_played: bool) -> None:
        self._event = event
        self._is_played = is_played
        self.is_processed = False
        for field in msgspec.structs.fields(event):
            if field.name not in _LEFT_OUT:
                setattr(self, _wire_name(event, field.name), _wire_value(field.name, getattr(event, field.name)))

    @property
    def event_type(self) -> int:
        return EVENT_NUMBERS[type(self._event)]

    @property
    def event_id(self) -> int:
        return self._event.event_id

    @property
    def is_played(self) -> bool:
        return self._is_played

    @property
    def timestamp(self) -> datetime:
        return to_datetime(self._event.timestamp)


def history_views(past: Sequence[HistoryEvent], new: Sequence[HistoryEvent]) -> list[HistoryEventView]:
    """All events of the run, those of earlier episodes marked as played."""
    return [HistoryEventView(e, is_played=True) for e in past] + [HistoryEventView(e, is_played=False) for e in new]


def _wire_name(event: Event, field: str) -> str:
    if field == "input" and isinstance(event, ContinuedAsNew):
        return "Result"
    return _SPECIAL_NAMES.get(field) or field.title().replace("_", "")


def _wire_value(field: str, value: Any) -> Any:
    if isinstance(value, int) and field in ("fire_at", "scheduled_start"):
        return isoformat(Instant(value))
    return value
