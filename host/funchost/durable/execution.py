"""One execution of an orchestration: a state machine fed with history events.

``apply(new)`` feeds what has arrived, ``replay(past, new)`` what is committed and then the same; events are
delivered one at a time, and user code runs between them as soon as what it awaits is complete. Decisions
(TaskScheduled, TimerCreated, …) that the past holds are matched with what the code asks for now; what is left
over at the end is new and makes up the outcome. A replay and a kept execution differ in nothing but where the
past comes from.

Status changes: Pending -> Running at ExecutionStarted; Running <-> Suspended at ExecutionSuspended and
ExecutionResumed (what arrives in between is held back, in order, and so is what the code asked for last);
any -> Terminated at ExecutionTerminated; otherwise the end comes when the code has returned, raised or asked
to continue as new *and* no activity, timer or sub-orchestration is still out.
"""

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from itertools import chain
from typing import Any

from funchost.durable import texts
from funchost.durable.actions import Action, AskEntity, check_recorded, check_sent
from funchost.durable.blame import numbers_of, sent_for_nothing
from funchost.durable.context import OrchestrationContext
from funchost.durable.decisions import EngineSettings, problem_with, record
from funchost.durable.entities.recorded import open_locks
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
)
from funchost.durable.failures import EngineFailure
from funchost.durable.functions import DurableFunctions
from funchost.durable.open_tasks import OpenTasks
from funchost.durable.rewinding import is_rewound
from funchost.durable.routine import Routine
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import ContinueAsNew, Ending, Step
from funchost.durable.user_code import Guard
from funchost.durable.versions import version_mismatch
from funchost.errors import NondeterminismError
from funchost.ids import ExecutionId
from funchost.instant import Instant

__all__ = ["EngineSettings", "Execution"]


class Execution:
    """Feed it the past once, then what arrives; see the module's text.

    Not thread-safe. One call of ``replay`` or ``apply`` runs on one thread, without a running event loop.
    """

    def __init__(
        self,
        execution: ExecutionId,
        functions: DurableFunctions,
        settings: EngineSettings,
        variables: Context | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.past: list[HistoryEvent] = []
        """Committed events. Whoever gave the list, and commits an episode, appends the episode's events to it: a
        copy for each episode would make a long history cost the square of its length."""
        self.arriving: list[HistoryEvent] = []
        self._functions = functions
        self._settings = settings
        self._tasks = OpenTasks(execution)
        self._variables = copy_context() if variables is None else variables
        self._guard = guard
        self._start: ExecutionStarted | None = None
        self._routine: Routine | None = None
        self._ending: Ending | None = None
        self._finished = False
        self._suspended = False
        self._reason: str | None = None
        self._held: list[HistoryEvent] = []
        self._carried: list[EventRaised] = []
        self._continuing = False
        self._failed_at_once = False
        self._recurse = False
        self._rewound = False

    # --- what a caller does ----------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Of the orchestrator; empty before its start has arrived."""
        return "" if self._start is None else self._start.name

    @property
    def has_code(self) -> bool:
        """Whether user code is suspended here: it can be resumed, and has to be closed."""
        return self._routine is not None and self._routine.has_code

    @property
    def must_be_replayed(self) -> str | None:
        """Why resuming the code instead of replaying it would make a difference to it; None when it would not."""
        return None if self._routine is None else self._routine.must_be_replayed

    @property
    def status(self) -> RuntimeStatus:
        if self._ending is not None and self._finished:
            return self._ending.status
        if self._suspended:
            return RuntimeStatus.SUSPENDED
        return RuntimeStatus.PENDING if self._start is None else RuntimeStatus.RUNNING

    def replay(self, past: list[HistoryEvent], received: Sequence[HistoryEvent], now: Instant) -> Step:
        """Feed the committed history, then what has arrived; the execution must be fresh."""
        self.past = past
        # Known from the start: code that reads the history finds all of it, at whatever point it looks.
        self.arriving = _episode(received, now)
        self._tasks.episode = 1 + sum(1 for event in past if event.__class__ is OrchestratorStarted)
        self._variables.run(self._feed, self.past)
        self._rewound = is_rewound(self.past)
        step = self._run_episode(now)
        assert step is not None, "a fresh execution has its code at hand"
        return step

    def apply(self, received: Sequence[HistoryEvent], now: Instant) -> Step | None:
        """Deliver what has arrived; ``now`` becomes the orchestrator's clock.

        None: the awaited task is complete, but user code is not here to be resumed. This execution is then
        spoiled; make a new one and replay.
        """
        self.arriving = _episode(received, now)
        if self._tasks.delivering >= self._tasks.episode:
            self._tasks.episode = self._tasks.delivering + 1
        return self._run_episode(now)

    def surely_needs_code(self, received: Sequence[HistoryEvent]) -> bool:
        """A cheap look before :meth:`apply`: the usual case of one activity after the other."""
        if self._routine is None or len(received) != 1:
            return False
        event = received[0]
        return isinstance(event, TaskCompleted) and self._routine.surely_needs(event.task_id)

    def close(self) -> None:
        """Close the suspended code silently: whatever it calls on its way out has no effect."""
        if self._routine is not None:
            self._variables.run(self._routine.close)

    # --- feeding ---------------------------------------------------------------------------------

    def _run_episode(self, now: Instant) -> Step | None:
        # A rewind leaves Pending in the view, whatever the history says.
        custom_status, status = self._custom_status, RuntimeStatus.PENDING if self._rewound else self.status
        waits_to_begin = self._start is None
        if self._rewound and not self._suspended:
            self._reason = None
        self._rewound = False
        self._tasks.cancelled_timers = []
        self._variables.run(self._feed, self.arriving)
        if self._routine is not None and self._routine.code_needed:
            return None
        step = self._variables.run(self._conclude, now, custom_status, status)
        step.began = waits_to_begin and self._start is not None
        self.arriving = []
        return step

    def _feed(self, events: Sequence[HistoryEvent]) -> None:
        handlers = _HANDLERS
        try:
            for event in events:
                if self._suspended and event.__class__ in _HELD_WHILE_SUSPENDED:
                    self._held.append(event)
                else:
                    handlers[event.__class__](self, event)
        except _NotRunnable as exc:
            self._fail_at_once(str(exc), exc.failure)
        except NondeterminismError as exc:
            self._fail_at_once(str(exc))
        except EngineFailure as exc:
            name = self._start.name if self._start else ""
            self._fail_at_once(texts.orchestrator_failed(name, texts.error_text(exc)))

    def _on_orchestrator_started(self, event: OrchestratorStarted) -> None:
        self._tasks.delivering += 1
        self._tasks.now = max(self._tasks.now, event.timestamp)

    def _on_execution_started(self, event: ExecutionStarted) -> None:
        if self._start is not None:
            return
        self._start = event
        if event.skipped:
            self._tasks.skipped = frozenset(event.skipped)
        if self._settings.fail_other_versions and (problem := self._settings.version_problem(event.version)):
            failure = version_mismatch(problem)
            raise _NotRunnable(failure.message, failure)
        orchestrator = self._functions.orchestrator(event.name)
        if orchestrator is None:
            missing = texts.unknown_function(event.name, "orchestrator", self._functions.orchestrator_names)
            raise _NotRunnable(texts.orchestrator_failed(event.name, missing))
        context = OrchestrationContext(
            event,
            self._tasks,
            self._functions,
            self,
            input_type=orchestrator.input_type,
            http_poll_ms=self._settings.http_poll_ms,
        )
        watch = None if self._guard is None else self._guard(orchestrator.name)
        self._routine = Routine(event.name, orchestrator.call, context, self._tasks, watch)
        if self._routine.start():
            self._code_ended(self._routine)

    def _on_task_completed(self, event: TaskCompleted | SubOrchestrationInstanceCompleted) -> None:
        self._tasks.succeed(event.task_id, event.result)
        self._resume()

    def _on_task_failed(self, event: TaskFailed | SubOrchestrationInstanceFailed) -> None:
        self._tasks.fail(event.task_id, event.reason, event.details, event.failure)
        self._resume()

    def _on_timer_fired(self, event: TimerFired) -> None:
        self._tasks.fire(event.timer_id)
        self._resume()

    def _on_event_raised(self, event: EventRaised) -> None:
        if not self._continuing:
            self._tasks.raise_event(event)
            self._resume()
        elif not self._tasks.requests.takes(event):
            self._carried.append(event)

    def _on_decision(self, event: TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated) -> None:
        action = self._tasks.actions.pop(event.event_id, None)
        try:
            check_recorded(event, action)
        except NondeterminismError as exc:
            raise self._placed(exc, action) from None

    def _on_event_sent(self, event: EventSent) -> None:
        action = self._tasks.actions.pop(event.event_id, None)
        try:
            recorded = check_sent(event, action)
        except NondeterminismError as exc:
            raise self._placed(exc, action) from None
        if recorded is not None and isinstance(action, AskEntity):
            action.request.id = recorded.id
            self._tasks.requests.sent(event.event_id, recorded.id)

    def _placed(self, error: NondeterminismError, action: Action | None) -> NondeterminismError:
        """``error`` with the line of the author's code; looked up now, because in peace nobody needs it."""
        return error if self._routine is None else NondeterminismError(error.detail, self._routine.where(action))

    def _on_suspended(self, event: ExecutionSuspended) -> None:
        if self._ending is None or self._tasks.keeps_open:
            self._suspended = True
            self._reason = event.reason

    def _on_resumed(self, event: ExecutionResumed) -> None:
        if not self._suspended:
            return
        self._suspended = False
        self._reason = event.reason
        held, self._held = self._held, []
        self._feed(held)

    def _on_terminated(self, event: ExecutionTerminated) -> None:
        """Overrides whatever was decided and is not yet recorded."""
        if self._finished:
            return
        self._tasks.forget_new()
        self._tasks.release(open_locks(self.past))
        self._ending = Ending(RuntimeStatus.TERMINATED, event.reason)
        self._recurse = event.recurse
        self._suspended = False
        self._continuing = False
        if self._routine is not None:
            self._routine.stop()

    def _on_completed(self, event: ExecutionCompleted | ContinuedAsNew) -> None:
        if isinstance(event, ExecutionCompleted):
            self._ending = Ending(event.status, event.result)
            self._finished = True

    def _ignore(self, event: HistoryEvent) -> None:
        """Closes an episode, or is there for a person to read."""

    def _resume(self) -> None:
        """Run user code on if what it awaits is complete."""
        routine = self._routine
        if routine is not None and routine.resume():
            self._code_ended(routine)

    def _code_ended(self, routine: Routine) -> None:
        self._ending, self._continuing = routine.ending, routine.continuing
        # Not only when the execution ends: a timer that nobody waits for may hold that up for days.
        self._tasks.section.leave()

    def _fail_at_once(self, message: str, failure: FailureDetails | None = None) -> None:
        """A failure that the author's code does not see and that waits for nothing."""
        if self._routine is not None:
            self._routine.stop()
        self._tasks.drop_all(number_after=max((event.event_id for event in self.past), default=-1))
        self._tasks.release(open_locks(self.past))
        self._continuing = False
        self._suspended = False
        self._failed_at_once = True
        self._ending = Ending(RuntimeStatus.FAILED, message, failure=failure)

    # --- the outcome -----------------------------------------------------------------------------

    @property
    def _custom_status(self) -> tuple[bool, str | None]:
        """Whether this run has set any, and which."""
        if self._routine is None:
            return (False, None)
        context = self._routine.context
        return (context.status_set, context.status_json)

    def _conclude(
        self, now: Instant, custom_status_before: tuple[bool, str | None], status_before: RuntimeStatus
    ) -> Step:
        actions = self._new_actions()
        may_end = self._may_end()
        step = Step(
            self._start,
            self.arriving,
            self._custom_status[1],
            self._custom_status != custom_status_before,
            cancelled_timers=tuple(self._tasks.cancelled_timers),
        )
        for action in actions:
            record(action, step, self._settings, now)
            del self._tasks.actions[action.id]
            if isinstance(action, AskEntity):
                self._tasks.requests.sent(action.id, action.request.id)
        if self._ending is not None and may_end:
            self._record_ending(step, self._ending, now)
        elif self._continuing and may_end:
            assert self._routine is not None
            step.successor = ContinueAsNew(self._routine.context.new_input, tuple(self._carried))
        step.events.append(OrchestratorCompleted(timestamp=now))
        if self.status is not status_before:
            step.status, step.reason = self.status, self._reason
        return step

    def _may_end(self) -> bool:
        """Termination waits for nothing; every other end for all that is still out, and for a resume."""
        if self._finished:
            return False
        if self._ending is not None and self._ending.status is RuntimeStatus.TERMINATED:
            return True
        return not (self._tasks.keeps_open or self._suspended)

    def _record_ending(self, step: Step, ending: Ending, now: Instant) -> None:
        self._finished = True
        step.ending = ending
        unhandled = self._unhandled(step) if ending.status is RuntimeStatus.FAILED else None
        if self._recurse:
            step.children_to_end = self._tasks.open_children
        number = self._tasks.draw_id()
        step.events.append(
            ExecutionCompleted(
                timestamp=now,
                event_id=number,
                status=ending.status,
                result=ending.output,
                failure=ending.failure if self._failed_at_once else None,
                unhandled=unhandled,
            )
        )

    def _unhandled(self, step: Step) -> list[int]:
        """What a rewind asks for again; after a failure that was no task's, only what the end itself has sent."""
        routine = self._routine
        if self._failed_at_once or routine is None:
            return sent_for_nothing(step.events, since=0, blamed=False)
        numbers = numbers_of([*self._tasks.untold, *routine.to_blame])
        events = chain(self.past, step.events)
        return numbers + sent_for_nothing(events, since=routine.numbered_from, blamed=bool(routine.to_blame))

    def _new_actions(self) -> list[Action]:
        """What is to be recorded: nothing before a resume, releases only when the execution fails over what it asked
        for."""
        if self._suspended:
            return []
        actions = list(self._tasks.actions.values())
        too_many = self._tasks.numbers_drawn > self._settings.max_actions
        problem = (
            texts.too_many_actions(self._settings.max_actions) if too_many else problem_with(actions, self._functions)
        )
        if problem is None:
            return actions
        assert self._start is not None
        self._fail_at_once(texts.orchestrator_failed(self._start.name, problem))
        return list(self._tasks.actions.values())


class _NotRunnable(Exception):
    """This host cannot run the execution at all; what else its history holds does not matter."""

    def __init__(self, message: str, failure: FailureDetails | None = None) -> None:
        super().__init__(message)
        self.failure = failure


def _episode(received: Sequence[HistoryEvent], now: Instant) -> list[HistoryEvent]:
    return [OrchestratorStarted(timestamp=now), *_start_first(received)]


def _start_first(received: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """A start goes before whatever else arrived with it."""
    for index, event in enumerate(received):
        if event.__class__ is ExecutionStarted:
            return [event, *received[:index], *received[index + 1 :]]
    return list(received)


_HELD_WHILE_SUSPENDED = frozenset(
    {
        ExecutionStarted,
        TaskCompleted,
        TaskFailed,
        SubOrchestrationInstanceCompleted,
        SubOrchestrationInstanceFailed,
        TimerFired,
        EventRaised,
    }
)

_HANDLERS: dict[type, Callable[[Execution, Any], None]] = {
    OrchestratorStarted: Execution._on_orchestrator_started,
    OrchestratorCompleted: Execution._ignore,
    ExecutionStarted: Execution._on_execution_started,
    ExecutionCompleted: Execution._on_completed,
    ContinuedAsNew: Execution._on_completed,
    ExecutionTerminated: Execution._on_terminated,
    ExecutionSuspended: Execution._on_suspended,
    ExecutionResumed: Execution._on_resumed,
    TaskScheduled: Execution._on_decision,
    TimerCreated: Execution._on_decision,
    SubOrchestrationInstanceCreated: Execution._on_decision,
    EventSent: Execution._on_event_sent,
    TaskCompleted: Execution._on_task_completed,
    SubOrchestrationInstanceCompleted: Execution._on_task_completed,
    TaskFailed: Execution._on_task_failed,
    SubOrchestrationInstanceFailed: Execution._on_task_failed,
    TimerFired: Execution._on_timer_fired,
    EventRaised: Execution._on_event_raised,
    GenericEvent: Execution._ignore,
}
