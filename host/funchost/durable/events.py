"""History events: what happened to an orchestration, in the words of the Durable Task Framework.

A history is the only truth about an instance; everything else is derived from it. Events are slotted
values, decoded once and then shared: nobody changes one after it was made. Payload fields (``input``,
``result``) hold JSON text and are decoded afresh at each use, because user code mutates what it gets.

Two numbers tie events together: ``event_id`` numbers what the orchestrator asked for (one counter per
execution, from 0; -1 on everything received), and ``task_id`` / ``timer_id`` of an answer repeat it.
"""

from typing import Any

import msgspec

from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

__all__ = [
    "EVENT_NUMBERS",
    "ContinuedAsNew",
    "Event",
    "EventRaised",
    "EventSent",
    "ExecutionCompleted",
    "ExecutionResumed",
    "ExecutionStarted",
    "ExecutionSuspended",
    "ExecutionTerminated",
    "FailureDetails",
    "GenericEvent",
    "HistoryEvent",
    "OrchestratorCompleted",
    "OrchestratorStarted",
    "ParentInstance",
    "SubOrchestrationInstanceCompleted",
    "SubOrchestrationInstanceCreated",
    "SubOrchestrationInstanceFailed",
    "TaskCompleted",
    "TaskFailed",
    "TaskScheduled",
    "TimerCreated",
    "TimerFired",
    "TraceContext",
    "decode_event",
    "decode_events",
    "encode_event",
    "encode_events",
]


class TraceContext(msgspec.Struct, omit_defaults=True, gc=False):
    """W3C trace context; ``span_id`` and ``started`` only once an orchestration has opened its span."""

    traceparent: str
    tracestate: str | None = None
    id: str | None = None
    span_id: str | None = None
    started: str | None = None


class FailureDetails(msgspec.Struct, omit_defaults=True):
    """A failure as data, for engines that do not serialise exceptions. ``base_types`` names the classes between
    the exception's own and ``Exception``."""

    error_type: str
    message: str
    stack_trace: str | None = None
    inner: "FailureDetails | None" = None
    non_retriable: bool = False
    base_types: list[str] | None = None


class ParentInstance(msgspec.Struct, omit_defaults=True, gc=False):
    """Who waits for a child: its answer goes to this instance, execution and task."""

    name: str
    instance_id: InstanceId
    execution_id: ExecutionId
    task_id: int
    version: str | None = None


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What all events have. ``extra`` keeps fields of other engines that this one does not know."""

    timestamp: Instant
    event_id: int = -1
    extra: dict[str, Any] | None = None


class ExecutionStarted(Event, tag="ExecutionStarted"):
    """``skipped`` are numbers that are not drawn again, because a rewind has taken out what had them."""

    name: str
    instance_id: InstanceId
    execution_id: ExecutionId
    input: str | None = None
    version: str = ""
    parent: ParentInstance | None = None
    tags: dict[str, str] | None = None
    scheduled_start: Instant | None = None
    generation: int | None = None
    trace: TraceContext | None = None
    skipped: list[int] | None = None


class ExecutionCompleted(Event, tag="ExecutionCompleted"):
    """``result`` is the output as JSON text; for a failed or terminated execution the reason as it is.

    ``unhandled`` of a failed one are the numbers of what it failed of (see ``blame``); None: nobody noted it.
    """

    status: RuntimeStatus
    result: str | None = None
    failure: FailureDetails | None = None
    unhandled: list[int] | None = None


class ExecutionTerminated(Event, tag="ExecutionTerminated"):
    """``recurse``: the sub-orchestrations that still run are to be terminated too, and theirs."""

    reason: str | None = None
    recurse: bool = False


class ExecutionSuspended(Event, tag="ExecutionSuspended"):
    reason: str | None = None


class ExecutionResumed(Event, tag="ExecutionResumed"):
    reason: str | None = None


class TaskScheduled(Event, tag="TaskScheduled"):
    """``input`` only with ``storeInputsInOrchestrationHistory``; the activity itself always gets it."""

    name: str
    input: str | None = None
    version: str = ""
    tags: dict[str, str] | None = None
    trace: TraceContext | None = None


class TaskCompleted(Event, tag="TaskCompleted"):
    task_id: int
    result: str | None = None


class TaskFailed(Event, tag="TaskFailed"):
    task_id: int
    reason: str | None = None
    details: str | None = None
    failure: FailureDetails | None = None


class SubOrchestrationInstanceCreated(Event, tag="SubOrchestrationInstanceCreated"):
    name: str
    instance_id: InstanceId
    input: str | None = None
    version: str = ""
    tags: dict[str, str] | None = None


class SubOrchestrationInstanceCompleted(Event, tag="SubOrchestrationInstanceCompleted"):
    task_id: int
    result: str | None = None


class SubOrchestrationInstanceFailed(Event, tag="SubOrchestrationInstanceFailed"):
    task_id: int
    reason: str | None = None
    details: str | None = None
    failure: FailureDetails | None = None


class TimerCreated(Event, tag="TimerCreated"):
    fire_at: Instant


class TimerFired(Event, tag="TimerFired"):
    timer_id: int
    fire_at: Instant


class OrchestratorStarted(Event, tag="OrchestratorStarted"):
    """Opens an episode; its ``timestamp`` is the orchestrator's clock for that episode."""


class OrchestratorCompleted(Event, tag="OrchestratorCompleted"):
    """Closes an episode."""


class EventSent(Event, tag="EventSent"):
    instance_id: InstanceId
    name: str
    input: str | None = None


class EventRaised(Event, tag="EventRaised"):
    name: str
    input: str | None = None
    trace: TraceContext | None = None


class ContinuedAsNew(Event, tag="ContinueAsNew"):
    """Ends an execution whose successor starts with ``input``."""

    input: str | None = None


class GenericEvent(Event, tag="GenericEvent"):
    """Has no effect on replay: what a rewind leaves behind, and the message that wakes a rewound instance."""

    data: str | None = None
    reason: str | None = None


HistoryEvent = (
    ExecutionStarted
    | ExecutionCompleted
    | ExecutionTerminated
    | ExecutionSuspended
    | ExecutionResumed
    | TaskScheduled
    | TaskCompleted
    | TaskFailed
    | SubOrchestrationInstanceCreated
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | TimerCreated
    | TimerFired
    | OrchestratorStarted
    | OrchestratorCompleted
    | EventSent
    | EventRaised
    | ContinuedAsNew
    | GenericEvent
)
"""The closed union: a ``match`` over it is checked for totality."""

EVENT_NUMBERS: dict[type[Event], int] = {
    ExecutionStarted: 0,
    ExecutionCompleted: 1,
    ExecutionTerminated: 3,
    TaskScheduled: 4,
    TaskCompleted: 5,
    TaskFailed: 6,
    SubOrchestrationInstanceCreated: 7,
    SubOrchestrationInstanceCompleted: 8,
    SubOrchestrationInstanceFailed: 9,
    TimerCreated: 10,
    TimerFired: 11,
    OrchestratorStarted: 12,
    OrchestratorCompleted: 13,
    EventSent: 14,
    EventRaised: 15,
    ContinuedAsNew: 16,
    GenericEvent: 17,
    ExecutionSuspended: 19,
    ExecutionResumed: 20,
}
"""``EventType`` of the framework, by class."""

_ENCODER = msgspec.json.Encoder()
_EVENT_DECODER: msgspec.json.Decoder[HistoryEvent] = msgspec.json.Decoder(HistoryEvent)
_EVENTS_DECODER: msgspec.json.Decoder[list[HistoryEvent]] = msgspec.json.Decoder(list[HistoryEvent])


def encode_event(event: HistoryEvent) -> bytes:
    """The one canonical encoding: UTF-8 JSON, defaults left out, times as ticks."""
    return _ENCODER.encode(event)


def encode_events(events: list[HistoryEvent]) -> bytes:
    return _ENCODER.encode(events)


def decode_event(data: bytes | str) -> HistoryEvent:
    """Raises ``msgspec.DecodeError`` (or its subclass ``ValidationError``) on anything that is not an event."""
    return _EVENT_DECODER.decode(data)


def decode_events(data: bytes | str) -> list[HistoryEvent]:
    return _EVENTS_DECODER.decode(data)
