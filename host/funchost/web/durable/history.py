"""The history of an instance as clients see it.

It is not the history itself: the frames of episodes are left out, a scheduled task shows only until its
answer is there, and an answer carries the name and the time of what it answers. Member names are those of
the .NET events; what an answer borrows comes after ``Timestamp``.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from funchost.durable.events import (
    ContinuedAsNew,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    FailureDetails,
    GenericEvent,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    TraceContext,
)
from funchost.durable.status import RuntimeStatus
from funchost.instant import isoformat
from funchost.web.durable.jsontext import stored_value

__all__ = ["history_json"]

_Answer = TaskCompleted | TaskFailed | SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed
_Scheduling = TaskScheduled | SubOrchestrationInstanceCreated
_Row = dict[str, Any]


def history_json(events: Sequence[HistoryEvent], *, inputs: bool, outputs: bool) -> list[_Row]:
    """``inputs`` and ``outputs`` say whether the members ``Input`` and ``Result`` are there at all."""
    answered = {event.task_id for event in events if isinstance(event, _Answer)}
    scheduled: dict[int, _Scheduling] = {}
    rows: list[_Row] = []
    for event in events:
        if isinstance(event, _Scheduling):
            scheduled[event.event_id] = event
            if event.event_id in answered:
                continue
        members = _members(event)
        if members is None:
            continue
        row = {"EventType": type(event).__struct_config__.tag, **members, "Timestamp": isoformat(event.timestamp)}
        if isinstance(event, _Answer):
            row |= _borrowed(scheduled.get(event.task_id))
        if isinstance(event, ExecutionStarted):
            row["FunctionName"] = event.name
        rows.append(_without(row, inputs=inputs, outputs=outputs))
    return rows


def _without(row: _Row, *, inputs: bool, outputs: bool) -> _Row:
    if not inputs:
        row.pop("Input", None)
    if not outputs:
        row.pop("Result", None)
    return row


def _borrowed(origin: _Scheduling | None) -> _Row:
    """What an answer shows of the event that it answers."""
    if origin is None:
        return {}
    row = {"ScheduledTime": isoformat(origin.timestamp), "FunctionName": origin.name, "Input": origin.input}
    if isinstance(origin, SubOrchestrationInstanceCreated):
        row["InstanceId"] = origin.instance_id
    return row


def _members(event: HistoryEvent) -> _Row | None:
    """The members of one kind of event, without those that all have; None: the kind is not shown."""
    match event:
        case OrchestratorStarted() | OrchestratorCompleted():
            return None
        case ExecutionStarted():
            return _started(event)
        case ExecutionCompleted():
            return _ended(event.status, event.result, event.failure)
        case ContinuedAsNew():
            return _ended(RuntimeStatus.CONTINUED_AS_NEW, event.input, None)
        case ExecutionTerminated():
            return {"Input": event.reason}
        case ExecutionSuspended() | ExecutionResumed():
            return {"Reason": event.reason}
        case TaskScheduled():
            trace = _trace(event.trace)
            return {"Name": event.name, "Input": event.input, "Tags": event.tags, "ParentTraceContext": trace}
        case SubOrchestrationInstanceCreated():
            row = {"Name": event.name, "InstanceId": event.instance_id, "Input": event.input}
            return {**row, "ClientSpanId": None, "Tags": event.tags}
        case TaskCompleted() | SubOrchestrationInstanceCompleted():
            return {"Result": stored_value(event.result)}
        case TaskFailed() | SubOrchestrationInstanceFailed():
            return {"Reason": event.reason, "Details": event.details, "FailureDetails": _failure(event.failure)}
        case TimerCreated() | TimerFired():
            return {"FireAt": isoformat(event.fire_at)}
        case EventSent():
            return {"InstanceId": event.instance_id, "Name": event.name, "Input": event.input}
        case EventRaised():
            return {"Name": event.name, "Input": event.input, "ParentTraceContext": _trace(event.trace)}
        case GenericEvent():
            return {"Data": event.data, **({} if event.reason is None else {"Reason": event.reason})}
        case _:
            assert_never(event)


def _started(event: ExecutionStarted) -> _Row:
    due = event.scheduled_start
    return {
        "Input": event.input,
        "Correlation": None,
        "ParentTraceContext": _trace(event.trace),
        "ScheduledStartTime": None if due is None else isoformat(due),
        "Generation": event.generation or 0,
    }


def _ended(status: RuntimeStatus, result: str | None, failure: FailureDetails | None) -> _Row:
    return {
        "OrchestrationStatus": status.value,
        "Result": stored_value(result),
        "FailureDetails": _failure(failure),
    }


def _failure(failure: FailureDetails | None) -> _Row | None:
    if failure is None:
        return None
    return {
        "ErrorType": failure.error_type,
        "ErrorMessage": failure.message,
        "StackTrace": failure.stack_trace,
        "InnerFailure": _failure(failure.inner),
        "IsNonRetriable": failure.non_retriable,
    }


def _trace(trace: TraceContext | None) -> _Row | None:
    if trace is None:
        return None
    return {
        "TraceParent": trace.traceparent,
        "TraceState": trace.tracestate,
        "Id": trace.id,
        "SpanId": trace.span_id,
        "ActivityStartTime": trace.started,
    }
