"""All that may be written, as values: made by whoever asks, encoded before they are queued.

Whatever can be wrong with a payload shows here, in the thread of the caller, and not in a transaction
that it shares with others. Times are ticks, payloads are bytes; ``due`` 0 means at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from funchost.durable.events import ExecutionStarted, GenericEvent, HistoryEvent, TimerFired, TraceContext
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.instant import Instant
from funchost.taskhub import (
    UNCHANGED,
    ActivityWork,
    Episode,
    NewActivity,
    Outcome,
    Restart,
    Rewind,
    Send,
    Settled,
    Snapshot,
    StatusChange,
    Unchanged,
)
from funchost.taskhub.sqlite.codec import (
    ActivityReceipt,
    Token,
    encodable,
    event_blob,
    events_blob,
    text_bytes,
    trace_blob,
)

__all__ = [
    "ActivityRow",
    "AnswerWrite",
    "BuryWrite",
    "CommitWrite",
    "GatherWrite",
    "JoinWrite",
    "MessageRow",
    "PurgeEndedWrite",
    "PurgeWrite",
    "RestartRow",
    "RewindRow",
    "RewindWrite",
    "SendWrite",
    "StartRow",
    "StartWrite",
    "SweepWrite",
    "Write",
    "YieldWrite",
    "answer_write",
    "commit_write",
    "message_row",
    "rewind_write",
    "start_row",
]


@dataclass(slots=True)
class MessageRow:
    """``execution``: only for that one. The event itself stays beside its bytes, for delivery from memory."""

    to: InstanceId
    event: HistoryEvent
    blob: bytes
    due: int = 0
    execution: ExecutionId | None = None
    timer: int | None = None


@dataclass(slots=True)
class StartRow:
    event: ExecutionStarted
    blob: bytes
    input: bytes | None
    due: int


@dataclass(slots=True)
class ActivityRow:
    task: int
    name: str
    input: str | None
    trace: TraceContext | None
    input_bytes: bytes | None
    trace_bytes: bytes | None


@dataclass(slots=True)
class RestartRow:
    execution: ExecutionId
    input: bytes | None
    created: Instant


@dataclass(slots=True)
class CommitWrite:
    """An outcome. ``blob`` None: no new event. ``timers``: numbers of timers that need not fire any more.

    ``snapshot`` is what an entity keeps from now on."""

    token: Token
    instance: InstanceId
    execution: ExecutionId
    consumed: Sequence[int]
    answered: Sequence[int]
    blob: bytes | None
    activities: Sequence[ActivityRow]
    starts: Sequence[StartRow]
    messages: Sequence[MessageRow]
    timers: Sequence[int]
    status: RuntimeStatus | None
    output: bytes | Unchanged | None
    custom_status: bytes | Unchanged | None
    restart: RestartRow | None
    snapshot: bytes | Unchanged | None
    run_here: int
    then: Callable[[Settled], None]

    @property
    def ends(self) -> bool:
        return self.status is not None and self.status.is_terminal


@dataclass(slots=True)
class AnswerWrite:
    receipt: ActivityReceipt
    message: MessageRow
    then: Callable[[bool], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class StartWrite:
    """``then`` gets None, or the status of the instance that stands in the way."""

    row: StartRow
    replacing: frozenset[RuntimeStatus]
    then: Callable[[RuntimeStatus | None], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class SendWrite:
    message: MessageRow
    then: Callable[[None], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class PurgeWrite:
    """``statuses``, ``execution`` and ``idle_since`` None: it does not matter."""

    instance: InstanceId
    statuses: frozenset[RuntimeStatus] | None
    execution: ExecutionId | None
    idle_since: Instant | None
    then: Callable[[bool], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class PurgeEndedWrite:
    """``then`` gets how many."""

    before: Mapping[RuntimeStatus, Instant]
    most: int
    then: Callable[[int], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class RewindRow:
    instance: InstanceId
    execution: ExecutionId
    updated: Instant
    blob: bytes


@dataclass(slots=True)
class RewindWrite:
    """``then`` gets whether all of ``rows`` were rewound; otherwise none was. ``wakes`` go to some of them."""

    rows: Sequence[RewindRow]
    wakes: Sequence[MessageRow]
    then: Callable[[bool], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class YieldWrite:
    """Give an activity back: for whoever asks after ``not_before``. ``input`` replaces its own; None: this attempt
    came to nothing, and counts."""

    key: int
    not_before: int
    input: bytes | None
    then: Callable[[None], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class GatherWrite:
    """Look for work that did not come through memory, and claim what has no owner."""

    then: Callable[[None], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class JoinWrite:
    """Take part; ``then`` gets the worker's key."""

    worker: WorkerId
    address: str
    then: Callable[[int], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class BuryWrite:
    """These workers are no more: what they owned is free. A worker that leaves buries itself."""

    workers: Sequence[int]
    then: Callable[[None], None]
    failed: Callable[[BaseException], None]


@dataclass(slots=True)
class SweepWrite:
    """Remove some of what executions left behind; ``then`` hears whether there is more."""

    then: Callable[[bool], None]
    failed: Callable[[BaseException], None]


Write = (
    CommitWrite
    | AnswerWrite
    | StartWrite
    | SendWrite
    | PurgeWrite
    | PurgeEndedWrite
    | RewindWrite
    | YieldWrite
    | GatherWrite
    | JoinWrite
    | BuryWrite
    | SweepWrite
)


@dataclass(slots=True)
class _Sends:
    starts: list[StartRow] = field(default_factory=list[StartRow])
    messages: list[MessageRow] = field(default_factory=list[MessageRow])


def commit_write(episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> CommitWrite:
    """Encodes all of ``outcome``; raises what encoding raises."""
    session, change = episode.session, outcome.change
    token = session.token
    assert isinstance(token, Token)
    sends = _sends(outcome.sends, session.instance, frozenset(outcome.cancelled_timers))
    restart = None
    if isinstance(change, Restart):
        restart = RestartRow(change.execution, text_bytes(change.input), change.created)
        # Carried messages come before new ones: they are older.
        sends.messages[:0] = [message_row(session.instance, event) for event in change.carried]
    status = outcome.status or _NO_CHANGE
    return CommitWrite(
        token=token,
        instance=session.instance,
        execution=session.execution,
        consumed=[_message_id(received.receipt) for received in episode.messages],
        answered=[_receipt(work).key for work, _ in outcome.answered],
        blob=None if isinstance(change, Snapshot) or not change.events else events_blob(change.events),
        activities=[_activity_row(new) for new in outcome.activities],
        starts=sends.starts,
        messages=sends.messages,
        timers=outcome.cancelled_timers,
        status=None if isinstance(status.status, Unchanged) else status.status,
        output=_changed_text(status.output),
        custom_status=_changed_text(status.custom_status),
        restart=restart,
        snapshot=text_bytes(change.state) if isinstance(change, Snapshot) else UNCHANGED,
        run_here=outcome.run_here,
        then=then,
    )


def answer_write(
    work: ActivityWork,
    event: HistoryEvent,
    then: Callable[[bool], None],
    failed: Callable[[BaseException], None],
) -> AnswerWrite:
    message = MessageRow(work.instance, event, event_blob(event), execution=work.execution)
    return AnswerWrite(_receipt(work), message, then, failed)


def rewind_write(
    rewinds: Sequence[Rewind],
    reason: str | None,
    now: Instant,
    then: Callable[[bool], None],
    failed: Callable[[BaseException], None],
) -> RewindWrite:
    rows = [RewindRow(each.instance, each.execution, each.updated, events_blob(each.events)) for each in rewinds]
    wake = GenericEvent(timestamp=now, data=reason)
    wakes = [message_row(each.instance, wake, execution=each.execution) for each in rewinds if each.wake]
    return RewindWrite(rows, wakes, then, failed)


def start_row(event: ExecutionStarted, due: Instant | None = None) -> StartRow:
    due = due if due is not None else event.scheduled_start
    return StartRow(event, event_blob(event), text_bytes(event.input), due or 0)


def message_row(
    to: InstanceId,
    event: HistoryEvent,
    *,
    due: Instant | None = None,
    execution: ExecutionId | None = None,
    timer: int | None = None,
) -> MessageRow:
    return MessageRow(encodable(to), event, event_blob(event), due or 0, execution, timer)


def _sends(sends: Sequence[Send], own: InstanceId, cancelled: frozenset[int]) -> _Sends:
    """A timer that is made and cancelled by the same episode is not even written."""
    result = _Sends()
    for send in sends:
        if isinstance(send.event, ExecutionStarted):
            result.starts.append(start_row(send.event, send.due))
        else:
            timer = send.event.timer_id if isinstance(send.event, TimerFired) and send.to == own else None
            if timer in cancelled:
                continue
            row = message_row(send.to, send.event, due=send.due, execution=send.execution, timer=timer)
            result.messages.append(row)
    return result


def _activity_row(new: NewActivity) -> ActivityRow:
    return ActivityRow(
        new.task, encodable(new.name), new.input, new.trace, text_bytes(new.input), trace_blob(new.trace)
    )


def _changed_text(text: str | Unchanged | None) -> bytes | Unchanged | None:
    return text if isinstance(text, Unchanged) else text_bytes(text)


def _message_id(receipt: object) -> int:
    assert isinstance(receipt, int)
    return receipt


def _receipt(work: ActivityWork) -> ActivityReceipt:
    assert isinstance(work.receipt, ActivityReceipt)
    return work.receipt


_NO_CHANGE = StatusChange()
