"""How fast a long history is replayed: run this file to see microseconds an event, ``--profile`` to see where.

A sequence of 4,000 activities has 16,000 events. Measured from the stored JSON to the outcome of the next
episode, the author's generator included; the best of several runs counts, because other work on the machine
only ever adds.
"""

import cProfile
import pstats
import sys
from collections.abc import Callable
from contextvars import copy_context
from time import perf_counter
from typing import Any

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
from funchost.instant import Instant

ACTIVITIES = 4_000
RUNS = 7


def sequence(context: Any) -> Any:
    total = 0
    for n in range(ACTIVITIES):
        total += yield context.call_activity("step", n)
    return total


def stored_history() -> bytes:
    """Without the last answer: that is what arrives."""
    now = Instant(0)
    events: list[HistoryEvent] = [
        OrchestratorStarted(timestamp=now),
        ExecutionStarted(
            timestamp=now, name="sequence", instance_id=InstanceId("it"), execution_id=ExecutionId("1"), input='"null"'
        ),
    ]
    for n in range(ACTIVITIES):
        now = Instant(now + 10_000)
        if n:
            events.append(OrchestratorStarted(timestamp=now))
            events.append(TaskCompleted(timestamp=now, task_id=n - 1, result=str(n)))
        events.append(TaskScheduled(timestamp=now, event_id=n, name="step"))
        events.append(OrchestratorCompleted(timestamp=now))
    return encode_events(events)


def replay(stored: bytes) -> None:
    functions = DurableFunctions([Orchestrator("sequence", sequence)], ["step"])
    execution = Execution(ExecutionId("1"), functions, EngineSettings(), copy_context())
    last = TaskCompleted(timestamp=Instant(0), task_id=ACTIVITIES - 1, result="1")
    step = execution.replay(decode_events(stored), [last], Instant(10**12))
    assert step.ending is not None


def best_of(runs: int, action: Callable[[], object]) -> float:
    """Seconds."""
    times: list[float] = []
    for _ in range(runs):
        started = perf_counter()
        action()
        times.append(perf_counter() - started)
    return min(times)


def main() -> None:
    stored = stored_history()
    events = len(decode_events(stored)) + 2
    decoding = best_of(RUNS, lambda: decode_events(stored)) / events * 1e6
    whole = best_of(RUNS, lambda: replay(stored)) / events * 1e6
    print(f"{events:,} events: {whole:.2f} µs an event, of which decoding {decoding:.2f}")
    if "--profile" in sys.argv:
        with cProfile.Profile() as profile:
            replay(stored)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
