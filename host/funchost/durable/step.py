"""What one episode decided, before it is handed to a task hub."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from funchost.durable.actions import CallActivity, CallSubOrchestrator, CreateTimer
from funchost.durable.events import EventRaised, ExecutionStarted, FailureDetails, HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant

__all__ = ["ContinueAsNew", "Ending", "SentEvent", "Step"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends. ``output`` is JSON text for Completed, else the reason as plain text.

    ``details`` and ``failure`` go to a waiting parent only; into the history goes the ``failure`` of an execution that
    its host could not run at all.
    """

    status: RuntimeStatus
    output: str | None
    details: str | None = None
    failure: FailureDetails | None = None


@dataclass(frozen=True, slots=True)
class ContinueAsNew:
    """The execution is followed by one with this input; ``carried`` events belong to the successor."""

    input: str | None
    carried: Sequence[EventRaised]


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event for another instance, which gets it not before ``due`` (None: at once)."""

    to: InstanceId
    name: str
    input: str | None
    due: Instant | None = None


@dataclass(slots=True)
class Step:
    """``events`` are the whole episode, from OrchestratorStarted to OrchestratorCompleted.

    ``custom_status`` is the JSON text that now holds. ``status`` and ``output`` only when they changed. ``began``:
    this is the first episode of the execution; never so when it is only replayed. ``children_to_end`` are to be
    terminated for the reason that ends this one.
    """

    start: ExecutionStarted | None
    events: list[HistoryEvent]
    custom_status: str | None
    custom_status_changed: bool
    activities: list[CallActivity] = field(default_factory=list[CallActivity])
    children: list[CallSubOrchestrator] = field(default_factory=list[CallSubOrchestrator])
    timers: list[CreateTimer] = field(default_factory=list[CreateTimer])
    sent: list[SentEvent] = field(default_factory=list[SentEvent])
    cancelled_timers: Sequence[int] = ()
    children_to_end: Sequence[InstanceId] = ()
    status: RuntimeStatus | None = None
    reason: str | None = None
    ending: Ending | None = None
    successor: ContinueAsNew | None = None
    began: bool = False
