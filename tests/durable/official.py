"""The installed SDK's own executor, fed with a history of ours."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import azure.durable_functions as df
import msgspec

from funchost.durable.entities.messages import read_request
from funchost.durable.events import (
    EVENT_NUMBERS,
    EventSent,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from funchost.instant import isoformat, to_datetime

_FIELDS = {
    "name": "Name",
    "input": "Input",
    "result": "Result",
    "reason": "Reason",
    "details": "Details",
    "task_id": "TaskScheduledId",
    "timer_id": "TimerId",
    "instance_id": "InstanceId",
    "version": "Version",
}
_SEPARATOR = "\n\n$OutOfProcData$:"
_COMPOUNDS = (11, 12)
_ACTIVITIES = (0, 1)
_CHILDREN = (2, 3)
_TIMER = 5
_ENTITIES = {7: "call", 9: "signal"}


@dataclass(frozen=True)
class Verdict:
    """What an executor made of a history; ``asked`` is everything it asked for, in order."""

    asked: list[tuple[str, ...]]
    done: bool
    output: Any
    error: str | None
    custom_status: Any


def official_verdict(function: Callable[[Any], Any], history: Sequence[HistoryEvent]) -> Verdict:
    """The history ends with the events of the episode that is to be run, without its decisions."""
    newest = max(n for n, event in enumerate(history) if isinstance(event, OrchestratorStarted))
    start = next(event for event in history if isinstance(event, ExecutionStarted))
    payload = {
        "history": [_row(event, played=n < newest) for n, event in enumerate(history)],
        "input": None if start.input is None else json.loads(start.input),
        "instanceId": start.instance_id,
        "isReplaying": newest > 0,
        "parentInstanceId": None if start.parent is None else start.parent.instance_id,
        "upperSchemaVersion": 1,
    }
    handle = cast(Callable[[str], str], cast(Any, df.Orchestrator).create(function))
    try:
        state = json.loads(handle(json.dumps(payload)))
    except Exception as error:
        _, separator, text = str(error).partition(_SEPARATOR)
        if not separator:
            raise
        state = json.loads(text)
    return _verdict(state)


def our_decisions(history: Sequence[HistoryEvent]) -> list[tuple[str, ...]]:
    """What a history records as asked for; inputs must be stored in it."""
    asked: list[tuple[str, ...]] = []
    for event in history:
        match event:
            case TaskScheduled():
                asked.append(("activity", event.name, json.loads(event.input or "")[0]))
            case SubOrchestrationInstanceCreated():
                asked.append(("child", event.name, json.loads(event.input or "")))
            case TimerCreated():
                asked.append(("timer", to_datetime(event.fire_at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")))
            case EventSent():
                request = read_request(event.input)
                kind = "signal" if request.signal else "call"
                asked.append((kind, event.instance_id, request.op or "", json.loads(request.input or "")))
            case _:
                pass
    return asked


def _row(event: HistoryEvent, *, played: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "EventType": EVENT_NUMBERS[type(event)],
        "EventId": event.event_id,
        "IsPlayed": played,
        "Timestamp": isoformat(event.timestamp),
    }
    for field in msgspec.structs.fields(event):
        if field.name in _FIELDS:
            row[_FIELDS[field.name]] = getattr(event, field.name)
    return row


def _verdict(state: dict[str, Any]) -> Verdict:
    asked = [one for actions in state["actions"] for action in actions for one in _flat(action)]
    return Verdict(asked, state["isDone"], state.get("output"), state.get("error"), state.get("customStatus"))


def _flat(action: dict[str, Any]) -> list[tuple[str, ...]]:
    kind = action["actionType"]
    if kind in _COMPOUNDS:
        return [one for inner in action["compoundActions"] for one in _flat(inner)]
    if kind in _ACTIVITIES:
        return [("activity", action["functionName"], action["input"])]
    if kind in _CHILDREN:
        return [("child", action["functionName"], action["input"])]
    if kind == _TIMER:
        return [("timer", action["fireAt"])]
    if kind in _ENTITIES:
        return [(_ENTITIES[kind], action["instanceId"], action["operation"], action["input"])]
    return []
