"""A long history, replayed by funchost's engine and by the executor of the official SDK.

A sequence of 4,000 activities has 16,000 events. Both sides begin with the history as JSON text in their own format
and end with what the orchestrator asks for next, decoding and the author's generator included; both run in this
process, one after the other, and what counts is the time of the processor.
"""

import json
from collections.abc import Callable
from contextvars import copy_context
from time import process_time
from typing import Any, cast

import azure.durable_functions as df

from funchost.durable.events import (
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
    decode_events,
    encode_events,
)
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Orchestrator
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant, isoformat

__all__ = ["History"]

ACTIVITIES = 4_000
EVENTS = 4 * ACTIVITIES + 2
"""Two of each activity and two of its episode; the start, and the answer that arrives, complete the frame."""

_INSTANCE, _EXECUTION = InstanceId("it"), ExecutionId("1")
_RUNS = 3
_TICKS_A_STEP = 10_000


def _sequence(context: Any) -> Any:
    total = 0
    for n in range(ACTIVITIES):
        total += yield context.call_activity("step", n)
    yield context.call_activity("last", total)


def _past() -> list[HistoryEvent]:
    """All but the last answer: that is what arrives."""
    now = Instant(_TICKS_A_STEP)
    events: list[HistoryEvent] = [
        OrchestratorStarted(timestamp=now),
        ExecutionStarted(
            timestamp=now, name="sequence", instance_id=_INSTANCE, execution_id=_EXECUTION, input='"null"'
        ),
    ]
    for n in range(ACTIVITIES):
        now = Instant(now + _TICKS_A_STEP)
        if n:
            events.append(OrchestratorStarted(timestamp=now))
            events.append(TaskCompleted(timestamp=now, task_id=n - 1, result=str(n)))
        events.append(TaskScheduled(timestamp=now, event_id=n, name="step"))
        events.append(OrchestratorCompleted(timestamp=now))
    return events


class History:
    """The history of the sequence in both formats; each way to replay it gives events a second."""

    def __init__(self) -> None:
        past = _past()
        self._stored = encode_events(past)
        self._decoded = decode_events(self._stored)
        self._now = Instant(_TICKS_A_STEP * (ACTIVITIES + 2))
        self._last = TaskCompleted(timestamp=self._now, task_id=ACTIVITIES - 1, result="1")
        self._payload = json.dumps(_official(past, [OrchestratorStarted(timestamp=self._now), self._last]))
        self._official = cast(Callable[[str], str], cast(Any, df.Orchestrator).create(_sequence))

    def stored(self) -> float:
        """funchost, from what its store holds."""
        return _best(lambda: self._replay(decode_events(self._stored)))

    def cached(self) -> float:
        """funchost, from events that it has decoded before."""
        return _best(lambda: self._replay(self._decoded))

    def official(self) -> float:
        """The SDK's executor, from the payload that a host sends it."""
        return _best(self._replay_official)

    def _replay(self, past: list[HistoryEvent]) -> None:
        functions = DurableFunctions([Orchestrator("sequence", _sequence)], ["step", "last"])
        execution = Execution(_EXECUTION, functions, EngineSettings(), copy_context())
        step = execution.replay(past, [self._last], self._now)
        _check([action.name for action in step.activities])
        execution.close()

    def _replay_official(self) -> None:
        state = json.loads(self._official(self._payload))
        asked = [action for actions in state["actions"] for action in actions]
        if len(asked) != ACTIVITIES + 1:
            raise RuntimeError(f"the SDK's executor gave {len(asked)} actions")
        _check([asked[-1]["functionName"]])


def _check(asked: list[str]) -> None:
    if asked != ["last"]:
        raise RuntimeError(f"the replay asked for {asked}")


def _official(past: list[HistoryEvent], arriving: list[HistoryEvent]) -> dict[str, Any]:
    """What the host hands to a worker that runs on the SDK."""
    return {
        "history": [_row(event, played=True) for event in past] + [_row(event, played=False) for event in arriving],
        "input": None,
        "instanceId": _INSTANCE,
        "isReplaying": True,
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
    }


def _row(event: HistoryEvent, *, played: bool) -> dict[str, Any]:
    row = {"EventId": event.event_id, "IsPlayed": played, "Timestamp": isoformat(event.timestamp)}
    match event:
        case OrchestratorStarted():
            return {"EventType": 12, **row}
        case OrchestratorCompleted():
            return {"EventType": 13, **row}
        case ExecutionStarted():
            return {"EventType": 0, "Name": event.name, "Version": "", "Input": None, **row}
        case TaskScheduled():
            return {"EventType": 4, "Name": event.name, "Version": "", "Input": None, **row}
        case TaskCompleted():
            # The answer of an activity of Python is JSON text in JSON text.
            return {"EventType": 5, "TaskScheduledId": event.task_id, "Result": event.result, **row}
        case _:
            raise AssertionError(event)


def _best(replay: Callable[[], object]) -> float:
    """Events a second; the best of a few runs, because other work on the machine only ever slows down."""
    times: list[float] = []
    for _ in range(_RUNS):
        started = process_time()
        replay()
        times.append(process_time() - started)
    return EVENTS / min(times)
