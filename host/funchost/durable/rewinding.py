"""Rewinding: the history of a failed execution, made into one that goes on from before its failure.

What failed and the decision that it answers become events without effect, and so does the end. A replay then finds
those tasks asked for and not recorded, and asks for them again under their old numbers; all that succeeded stays.
The end says which tasks count (see ``blame``). A history whose end does not say, because another engine wrote it,
gets the rule of the reference host: every failure counts.

Decisions without an answer are asked for again as well: the end has removed the activities and timers behind them.

Two kinds of decisions are taken out for good: the timer that ended the attempts of a call, and what was sent because
of the failure. Their numbers are skipped from then on, so that every other decision gets the one that it had.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import EntityMessageError, read_request
from funchost.durable.entities.recorded import open_locks
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
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
from funchost.ids import InstanceId

__all__ = ["Child", "children_to_rewind", "is_rewound", "locks_missed", "rewound"]

_MARK = "Rewound: "
_END = f"{_MARK}ExecutionCompleted"

_Failure = TaskFailed | SubOrchestrationInstanceFailed
_Answer = TaskCompleted | SubOrchestrationInstanceCompleted | _Failure


@dataclass(frozen=True, slots=True)
class Child:
    """A sub-orchestration that a rewind has to look at: it ``failed``, or has not answered yet."""

    task: int
    instance: InstanceId
    failed: bool


def children_to_rewind(history: Sequence[HistoryEvent]) -> list[Child]:
    """In the order of their calls."""
    cause = _Cause(history)
    return [
        Child(event.event_id, event.instance_id, failed=event.event_id in cause.numbers)
        for event in history
        if isinstance(event, SubOrchestrationInstanceCreated) and event.event_id in cause.again
    ]


def rewound(history: Sequence[HistoryEvent], *, anew: Collection[int] = ()) -> list[HistoryEvent]:
    """The history to go on from. ``anew`` are the calls of children that cannot answer again, and are started anew."""
    cause = _Cause(history)
    events = [_rewound_event(event, cause, anew) for event in history]
    return [_skipping(event, cause.taken_out) if isinstance(event, ExecutionStarted) else event for event in events]


def locks_missed(rewound: Iterable[HistoryEvent]) -> list[EntityKey]:
    """The entities that the code would take for locked when it goes on from this history, though its failure has
    released them. Nobody can lock them anew for it: what it did in its critical section was done under the old locks.
    """
    return [entity for entity, _ in open_locks(rewound)]


def is_rewound(past: Sequence[HistoryEvent]) -> bool:
    """Whether nothing has happened since a rewind."""
    return any(isinstance(event, GenericEvent) and event.reason == _END for event in past[-2:])


class _Cause:
    """``numbers`` are of what failed, ``again`` of all that loses its event, ``taken_out`` of what loses it for good.

    ``replies`` are the names of events that answer calls of entities among ``numbers``.
    """

    def __init__(self, history: Sequence[HistoryEvent]) -> None:
        self.numbers = frozenset(_listed(history))
        self.again = self.numbers | _unanswered(history)
        sent = [event for event in history if isinstance(event, EventSent) and event.event_id in self.numbers]
        replies = {event.event_id: _reply_name(event) for event in sent}
        fired = {event.timer_id for event in history if isinstance(event, TimerFired)}
        self.replies = {name for name in replies.values() if name is not None}
        self.taken_out = (fired & self.numbers) | {number for number, name in replies.items() if name is None}


def _listed(history: Sequence[HistoryEvent]) -> list[int]:
    end = next((event for event in reversed(history) if isinstance(event, ExecutionCompleted)), None)
    if end is not None and end.unhandled is not None:
        return end.unhandled
    return [event.task_id for event in history if isinstance(event, _Failure)]


def _unanswered(history: Sequence[HistoryEvent]) -> set[int]:
    decided = {
        event.event_id
        for event in history
        if isinstance(event, TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated)
    }
    decided -= {event.task_id for event in history if isinstance(event, _Answer)}
    return decided - {event.timer_id for event in history if isinstance(event, TimerFired)}


def _reply_name(event: EventSent) -> str | None:
    try:
        request = read_request(event.input)
    except EntityMessageError:
        return None
    return request.id if request.wants_answer else None


def _rewound_event(event: HistoryEvent, cause: _Cause, anew: Collection[int]) -> HistoryEvent:
    match event:
        case TaskScheduled() | TimerCreated() if event.event_id in cause.again:
            return _without_effect(event)
        case SubOrchestrationInstanceCreated() if event.event_id in anew:
            return _without_effect(event)
        case SubOrchestrationInstanceCreated() if event.event_id in cause.numbers:
            return msgspec.structs.replace(event, extra={**(event.extra or {}), "Reason": _mark(event)})
        case TaskFailed() | SubOrchestrationInstanceFailed() if event.task_id in cause.numbers:
            told = {"TaskScheduledId": event.task_id}
            return _without_effect(event, data=event.reason, extra=told)
        case TimerFired() if event.timer_id in cause.numbers:
            return _without_effect(event, extra={"TimerId": event.timer_id})
        case EventSent() if event.event_id in cause.numbers:
            return _without_effect(event)
        case EventRaised() if event.name in cause.replies:
            return _without_effect(event)
        case ExecutionCompleted(status=RuntimeStatus.FAILED):
            return _without_effect(event, data=event.result)
        case _:
            return event


def _skipping(start: ExecutionStarted, numbers: Collection[int]) -> ExecutionStarted:
    if not numbers:
        return start
    return msgspec.structs.replace(start, skipped=sorted({*(start.skipped or ()), *numbers}))


def _without_effect(
    event: HistoryEvent, *, data: str | None = None, extra: dict[str, Any] | None = None
) -> GenericEvent:
    """``data`` is for a person who reads the history: what had gone wrong."""
    return GenericEvent(
        timestamp=event.timestamp,
        event_id=event.event_id,
        extra={**(event.extra or {}), **extra} if extra else event.extra,
        data=data,
        reason=_mark(event),
    )


def _mark(event: HistoryEvent) -> str:
    return f"{_MARK}{type(event).__struct_config__.tag}"
