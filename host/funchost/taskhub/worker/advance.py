"""One episode of an instance: past and new events in, an outcome for the hub out. Pure.

Three ways lead to the same step. A suspended generator that is still here is resumed. Where only the record of
what is awaited is here, answers that complete nothing are delivered to it without running user code. In
every other case the code is run again from the start on the past.
"""

from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from itertools import chain

from funchost.durable.comparing import difference as compared
from funchost.durable.events import ExecutionStarted, HistoryEvent
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Step
from funchost.durable.texts import orchestrator_failed
from funchost.durable.user_code import Guard
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import UNCHANGED, ActivityWork, Append, Outcome, Restart, Send, Snapshot, StatusChange
from funchost.taskhub.outcomes import activities_of, failed, sends_of, status_change, successor_start
from funchost.taskhub.worker.live import LiveInstance
from funchost.taskhub.worker.transitions import Transition, failed_by_host, transitions_of

__all__ = ["Advance", "Engine", "adopt", "advance", "failed_outright", "name_of"]

_GENERATIONS_A_COMMIT = 16
"""How often an orchestrator may continue as new before that is made durable: a bound for runaway loops."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What every episode of an app needs. ``variables`` makes the context that user code of an instance runs in;
    ``guard`` says who watches it there."""

    functions: DurableFunctions
    settings: EngineSettings
    variables: Callable[[str, InstanceId], Context]
    new_execution_id: Callable[[], ExecutionId]
    guard: Guard | None = None

    def execution(self, instance: InstanceId, execution: ExecutionId, name: str) -> Execution:
        return Execution(execution, self.functions, self.settings, self.variables(name, instance), self.guard)


@dataclass(slots=True)
class Advance:
    """The result of an episode; ``engine`` and ``execution`` are what the instance has if it is committed.

    ``error`` tells a failure. ``replayed`` counts the events that the code was run again on. ``difference``:
    resumed, the code did something else than when it was replayed, and what; the replay counts. ``transitions``
    are those of every execution that it ran: several, when they continue as new.
    """

    outcome: Outcome
    engine: Execution
    execution: ExecutionId
    name: str
    ended: RuntimeStatus | None
    error: str | None
    replayed: int
    difference: str | None = None
    transitions: Sequence[Transition] = ()

    def outcome_with(self, answered: Sequence[tuple[ActivityWork, HistoryEvent]], *, run_here: int) -> Outcome:
        """The outcome with the answers that are part of it and the claims that go with it."""
        return replace(self.outcome, answered=answered, run_here=min(run_here, len(self.outcome.activities)))


def advance(
    live: LiveInstance,
    received: Sequence[HistoryEvent],
    now: Instant,
    engine: Engine,
    *,
    check: bool = False,
    begun: list[Execution] | None = None,
) -> Advance:
    """Run one episode of ``live``; user code runs on this thread. Nothing of ``live`` is changed.

    ``check``: code that is resumed is run again from the start as well, and compared. ``begun`` collects the
    executions that were made, for a caller who has to close them when this is interrupted.
    """
    name = live.name or name_of(live.past, received)
    begun = [] if begun is None else begun
    step, execution, replayed, difference = _resumed(live, received, now), live.engine, 0, None
    if step is None or execution is None or check:
        again = engine.execution(live.instance, live.execution, name)
        begun.append(again)
        repeated = again.replay(live.past, received, now)
        if step is not None and execution is not None:
            difference = compared(step, repeated)
            (again if difference is None else execution).close()
        if step is None or execution is None or difference is not None:
            # What is written now has to be what later replays find, on this host and on others.
            execution, step, replayed = again, repeated, len(live.past)
    if step.successor is not None:
        return _continue_as_new(live, execution, step, now, engine, name, begun)
    outcome = Outcome(
        Append(step.events),
        activities=activities_of(step),
        sends=sends_of(step, live.instance, live.execution, now),
        cancelled_timers=step.cancelled_timers,
        status=status_change(step),
    )
    result = _result(outcome, execution, live.execution, step, name, replayed)
    result.difference = difference
    return result


def adopt(live: LiveInstance, result: Advance) -> None:
    """The outcome is durable: ``live`` goes on from there."""
    live.execution, live.engine, live.past = result.execution, result.engine, result.engine.past
    change = result.outcome.change
    assert not isinstance(change, Snapshot)
    live.past.extend(change.events)
    if isinstance(change, Restart):
        live.compared_at = 0


def failed_outright(
    live: LiveInstance, received: Sequence[HistoryEvent], now: Instant, engine: Engine, problem: str
) -> Advance:
    """The end of an instance whose code never comes to its next yield, or asks for what cannot be stored; none of it is
    run."""
    name = live.name or name_of(live.past, received)
    failure = orchestrator_failed(name, problem)
    execution = engine.execution(live.instance, live.execution, name)
    execution.past = live.past
    outcome = failed(live.past, received, failure, now)
    result = Advance(outcome, execution, live.execution, name, RuntimeStatus.FAILED, failure, 0)
    result.transitions = failed_by_host(live.past, received, failure)
    return result


def _resumed(live: LiveInstance, received: Sequence[HistoryEvent], now: Instant) -> Step | None:
    """The step, when what is here suffices for it."""
    if live.engine is None or live.engine.surely_needs_code(received):
        return None
    return live.engine.apply(received, now)


def _continue_as_new(
    live: LiveInstance,
    execution: Execution,
    step: Step,
    now: Instant,
    engine: Engine,
    name: str,
    begun: list[Execution],
) -> Advance:
    """Start the successor in the same commit, and its successors, up to a bound."""
    sends = sends_of(step, live.instance, live.execution, now)
    status = status_change(step)
    transitions = [*transitions_of(step)]
    for _ in range(_GENERATIONS_A_COMMIT):
        execution.close()
        started, carried = _successor(step, engine.new_execution_id(), now)
        execution = engine.execution(live.instance, started.execution_id, name)
        begun.append(execution)
        step = execution.replay([], [started, *carried], now)
        sends += sends_of(step, live.instance, started.execution_id, now)
        status = _merged(status, status_change(step))
        transitions += transitions_of(step)
        if step.successor is None:
            change = Restart(started.execution_id, step.events, started.input, now)
            outcome = Outcome(change, activities=activities_of(step), sends=sends, status=status)
            result = _result(outcome, execution, started.execution_id, step, name, 0)
            result.transitions = transitions
            return result
    execution.close()
    result = _restart_later(live, step, sends, status, now, engine, name)
    result.transitions = transitions
    return result


def _successor(step: Step, execution: ExecutionId, now: Instant) -> tuple[ExecutionStarted, Sequence[HistoryEvent]]:
    """The start of the next generation, and what it inherits."""
    assert step.successor is not None
    assert step.start is not None
    return successor_start(step.start, step.successor.input, execution, now), step.successor.carried


def _restart_later(
    live: LiveInstance,
    step: Step,
    sends: Sequence[Send],
    status: StatusChange | None,
    now: Instant,
    engine: Engine,
    name: str,
) -> Advance:
    """Too many generations at once: commit, and let the next one begin with an episode of its own."""
    started, carried = _successor(step, engine.new_execution_id(), now)
    change = Restart(started.execution_id, (), started.input, now, carried=(started, *carried))
    fresh = engine.execution(live.instance, started.execution_id, name)
    return Advance(Outcome(change, sends=sends, status=status), fresh, started.execution_id, name, None, None, 0)


def _result(
    outcome: Outcome, execution: Execution, execution_id: ExecutionId, step: Step, name: str, replayed: int
) -> Advance:
    ending = step.ending
    failed = ending is not None and ending.status is RuntimeStatus.FAILED
    return Advance(
        outcome,
        execution,
        execution_id,
        name,
        None if ending is None else ending.status,
        (ending.details or ending.output) if ending is not None and failed else None,
        replayed,
        transitions=transitions_of(step),
    )


def name_of(past: Sequence[HistoryEvent], received: Sequence[HistoryEvent]) -> str:
    """Of the orchestrator; empty when its start is in neither."""
    return next((event.name for event in chain(past, received) if isinstance(event, ExecutionStarted)), "")


def _merged(first: StatusChange | None, second: StatusChange | None) -> StatusChange | None:
    """The later change wins, field by field."""
    if first is None or second is None:
        return second or first
    return StatusChange(
        first.status if second.status is UNCHANGED else second.status,
        first.output if second.output is UNCHANGED else second.output,
        first.custom_status if second.custom_status is UNCHANGED else second.custom_status,
    )
