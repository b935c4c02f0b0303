"""From what the engine decided to what a task hub makes durable.

Pure, and the same for every hub: which messages go out, what the view of the instance shows, and how an
execution is followed by the next when it continues as new.
"""

from collections.abc import Iterable, Sequence

from funchost.durable.deterministic_ids import child_execution_id
from funchost.durable.entities.messages import RELEASE
from funchost.durable.entities.recorded import open_locks
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    ParentInstance,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TimerFired,
)
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Ending, Step
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import UNCHANGED, Append, NewActivity, Outcome, Send, StatusChange

__all__ = [
    "FIRE_AND_FORGET",
    "activities_of",
    "damaged",
    "failed",
    "lock_releases",
    "sends_of",
    "status_change",
    "successor_start",
    "unreadable",
]

FIRE_AND_FORGET = "FireAndForget"
"""The tag of a child whose result nobody waits for."""


def activities_of(step: Step) -> list[NewActivity]:
    return [NewActivity(action.id, action.name, action.input) for action in step.activities]


def sends_of(step: Step, instance: InstanceId, execution: ExecutionId, now: Instant) -> list[Send]:
    """Every message that this step causes: timers, children, events, and at its end the answer to a parent."""
    sends = [
        Send(instance, TimerFired(timestamp=now, timer_id=t.id, fire_at=t.fire_at), due=t.fire_at, execution=execution)
        for t in step.timers
    ]
    if step.children and step.start is not None:
        sends += _child_starts(step, step.start, now)
    sends += [Send(s.to, EventRaised(timestamp=now, name=s.name, input=s.input), due=s.due) for s in step.sent]
    if step.ending is not None:
        end = ExecutionTerminated(timestamp=now, reason=step.ending.output, recurse=True)
        sends += [Send(child, end) for child in step.children_to_end]
        if step.start is not None:
            sends += _answer_to_parent(step.ending, step.start, now)
    return sends


def status_change(step: Step) -> StatusChange | None:
    """What the view shows from now on; None when nothing of it changed."""
    custom_status = step.custom_status if step.custom_status_changed else UNCHANGED
    if step.ending is not None:
        return StatusChange(step.ending.status, step.ending.output, custom_status)
    if step.status is RuntimeStatus.SUSPENDED or (step.status is RuntimeStatus.RUNNING and step.reason is not None):
        return StatusChange(step.status, step.reason, custom_status)
    if step.status is not None or step.custom_status_changed:
        return StatusChange(step.status if step.status is not None else UNCHANGED, UNCHANGED, custom_status)
    return None


def successor_start(
    previous: ExecutionStarted, new_input: str | None, execution: ExecutionId, now: Instant
) -> ExecutionStarted:
    """Continue-as-new: same instance, name, parent, tags and version; a new execution with a new input."""
    return ExecutionStarted(
        timestamp=now,
        name=previous.name,
        instance_id=previous.instance_id,
        execution_id=execution,
        input=new_input,
        version=previous.version,
        parent=previous.parent,
        tags=previous.tags,
        trace=previous.trace,
    )


def damaged(events: Sequence[HistoryEvent], damage: str, now: Instant) -> Outcome:
    """The end of an instance of which no more than ``events`` can be read. A parent is told if they name it."""
    failure = unreadable(damage)
    releases = _releases(events, now)
    return _failure(events, [*releases, _end(failure, releases, now)], releases, failure, now)


def unreadable(damage: str) -> str:
    """The output of an instance that failed because of ``damage``."""
    return f"What is stored of this instance cannot be read: {damage}"


def failed(past: Sequence[HistoryEvent], received: Sequence[HistoryEvent], failure: str, now: Instant) -> Outcome:
    """The end of an instance that its host decides, not its code. What was received is kept in the history."""
    arrived = sorted(received, key=lambda event: not isinstance(event, ExecutionStarted))
    releases = _releases(past, now)
    number = _next_number(past) + len(releases)
    events = [
        OrchestratorStarted(timestamp=now),
        *arrived,
        *releases,
        _end(failure, releases, now, number=number),
        OrchestratorCompleted(timestamp=now),
    ]
    return _failure([*past, *arrived], events, releases, failure, now)


def _end(failure: str, releases: Sequence[EventSent], now: Instant, *, number: int = -1) -> ExecutionCompleted:
    """The releases are named as part of the failure: so it is seen in which locks it fell, and that it cannot be
    rewound."""
    unhandled = [release.event_id for release in releases]
    return ExecutionCompleted(
        timestamp=now, event_id=number, status=RuntimeStatus.FAILED, result=failure, unhandled=unhandled
    )


def lock_releases(history: Iterable[HistoryEvent], now: Instant) -> list[Send]:
    """What goes to the entities that an execution has locked, or has asked to lock, when another takes its place: it
    has no episode any more in which it could release them."""
    return [_delivered(release, now) for release in _releases(list(history), now)]


def _failure(
    known: Sequence[HistoryEvent],
    events: Sequence[HistoryEvent],
    releases: Sequence[EventSent],
    failure: str,
    now: Instant,
) -> Outcome:
    ending = Ending(RuntimeStatus.FAILED, failure)
    start = next((event for event in known if isinstance(event, ExecutionStarted)), None)
    answer = () if start is None else _answer_to_parent(ending, start, now)
    return Outcome(
        Append(events),
        sends=[*(_delivered(release, now) for release in releases), *answer],
        status=StatusChange(ending.status, ending.output),
    )


def _releases(history: Sequence[HistoryEvent], now: Instant) -> list[EventSent]:
    first = _next_number(history)
    return [
        EventSent(timestamp=now, event_id=number, instance_id=entity.instance_id, name=RELEASE, input=release.to_json())
        for number, (entity, release) in enumerate(open_locks(history), first)
    ]


def _delivered(sent: EventSent, now: Instant) -> Send:
    return Send(sent.instance_id, EventRaised(timestamp=now, name=sent.name, input=sent.input))


def _next_number(history: Sequence[HistoryEvent]) -> int:
    return 1 + max((event.event_id for event in history), default=-1)


def _child_starts(step: Step, parent: ExecutionStarted, now: Instant) -> list[Send]:
    sends: list[Send] = []
    for child in step.children:
        start = ExecutionStarted(
            timestamp=now,
            name=child.name,
            instance_id=child.instance_id,
            execution_id=child_execution_id(parent.execution_id, child.id),
            input=child.input,
            version=child.version or "",
            parent=ParentInstance(
                parent.name, parent.instance_id, parent.execution_id, child.id, parent.version or None
            ),
            tags={k: v for k, v in parent.tags.items() if k != FIRE_AND_FORGET} if parent.tags else None,
            trace=parent.trace,
        )
        sends.append(Send(child.instance_id, start))
    return sends


def _answer_to_parent(ending: Ending, start: ExecutionStarted, now: Instant) -> Sequence[Send]:
    parent = start.parent
    if parent is None or (start.tags and FIRE_AND_FORGET in start.tags):
        return ()
    answer: HistoryEvent
    if ending.status is RuntimeStatus.COMPLETED:
        answer = SubOrchestrationInstanceCompleted(timestamp=now, task_id=parent.task_id, result=ending.output)
    else:
        answer = SubOrchestrationInstanceFailed(
            timestamp=now,
            task_id=parent.task_id,
            reason=ending.output,
            details=ending.details,
            failure=ending.failure,
        )
    return (Send(parent.instance_id, answer, execution=parent.execution_id),)
