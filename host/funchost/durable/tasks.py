"""Tasks: what orchestrator code yields, and what it gets back.

A task is scheduled when it is yielded, alone or inside a compound, never when it is made. It completes
when its event is delivered; compounds complete through their children. Equality is identity: user code
compares the winner of ``task_any`` with the tasks it made.

Results are decoded on first use: an answer that only counts towards a ``task_all`` of hundreds costs
nothing until the code really runs on.
"""

from collections.abc import Callable, Collection, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from funchost.durable import payloads
from funchost.durable.actions import CreateTimer
from funchost.durable.events import FailureDetails
from funchost.durable.failures import EngineFailure
from funchost.durable.http_call import answer_of
from funchost.durable.retry import RetryRule, is_final, next_attempt_at
from funchost.durable.sdk import TaskState
from funchost.durable.texts import error_text
from funchost.instant import Instant

__all__ = [
    "AtomicTask",
    "CompoundTask",
    "HttpTask",
    "ReadyTask",
    "RetryAbleTask",
    "Task",
    "TimerTask",
    "WhenAllTask",
    "WhenAnyTask",
]

if TYPE_CHECKING:
    # Type variables with a default are newer than the oldest Python; only who checks types needs the default.
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
    T = TypeVar("T", default=Any)

    class TaskBase:
        """The SDK's annotations do not allow for the properties here, and with a base that could be anything
        the result of a task would be unknown too."""
else:
    from typing import TypeVar

    from funchost.durable.sdk import TaskBase

    T_co = TypeVar("T_co", covariant=True)
    T = TypeVar("T")

_RUNNING = TaskState.RUNNING
_SUCCEEDED = TaskState.SUCCEEDED
_FAILED = TaskState.FAILED


class Scheduler(Protocol):
    """What tasks need of the execution they belong to."""

    episode: int
    """The number of the episode that is running now, from 1."""

    delivering: int
    """The number of the episode whose event is being delivered; less than ``episode`` during replay."""

    now: Instant
    """The orchestrator's clock."""

    made: int
    """How many tasks were made so far."""

    def schedule(self, task: "Task", *, again: bool = False) -> None:
        """Number what is not yet scheduled in ``task`` and ask for it.

        ``again``: it repeats what the code asked for before, so that the rules of critical sections do not apply.
        """
        ...

    def failed(self, task: "Task") -> None:
        """Note that ``task`` has failed, before anybody hears of it."""
        ...

    def cancel(self, timer: "TimerTask") -> bool:
        """Take a pending timer out of what keeps the execution open. False: it stays as it is."""
        ...


class Parent(Protocol):
    """Whoever is to hear of a task's outcome."""

    @property
    def compound(self) -> Any: ...

    def child_completed(self, child: "Task") -> None: ...


class ForeignParent:
    """A compound of the SDK's kind: it counts its children itself."""

    def __init__(self, compound: Any) -> None:
        self.compound = compound

    def child_completed(self, child: "Task") -> None:
        try:
            self.compound.handle_completion(child)
        except Exception as exc:  # a border to user code: no handler of the orchestrator stands around it
            raise EngineFailure(
                f"a task of type {type(self.compound).__name__} raised {type(exc).__name__} when a task in it "
                f"completed: {error_text(exc)}"
            ) from exc


class Task(TaskBase, Generic[T_co]):
    """The root of all tasks; its public names are the SDK's. Awaited, it gives a ``T_co``."""

    _api_name = "NoOpAction"
    children: Sequence["Task"] = ()

    def __init__(self, scheduler: Scheduler) -> None:
        # The SDK's constructor builds action payloads that this engine has no use for.
        self.id: int | str | None = None
        self.state = _RUNNING
        self._scheduler = scheduler
        self._value: Any = None
        self._parents: list[Parent] = []
        self._completed_in = 0
        self._is_scheduled_flag = False
        scheduler.made += 1
        self._made = scheduler.made

    @property
    def result(self) -> Any:
        """None while running; the value, or the exception *instance* of a failed task. Never raises."""
        return self._value

    @property
    def is_completed(self) -> bool:
        """Succeeded or failed."""
        return self.state is not _RUNNING

    @property
    def is_played(self) -> bool:
        """Whether the completion belongs to an earlier episode."""
        return self._completed_in < self._scheduler.episode

    @property
    def parent(self) -> Any:
        """The compound made last of those that this task is part of; None when there is none."""
        return self._parents[-1].compound if self._parents else None

    @parent.setter
    def parent(self, compound: Any) -> None:
        """How the SDK's compounds, and those that others derive from them, ask to be told of the outcome."""
        self._parents.append(ForeignParent(compound))

    @property
    def shown(self) -> Any:
        """The task that the author's code knows: what wins a ``task_any``."""
        return self

    @property
    def action_repr(self) -> Any:
        return None

    def complete(self, value: Any, *, failed: bool = False, through: "Task | None" = None) -> None:
        """Deliver the outcome and tell the parents, the oldest first. A second outcome is ignored.

        A compound completes ``through`` the child that decided it, and counts as played when that does.
        """
        if self.state is not _RUNNING:
            return
        self.state = _FAILED if failed else _SUCCEEDED
        self._value = value
        self._completed_in = self._scheduler.delivering if through is None else through._completed_in
        if failed:
            self._scheduler.failed(self)
        for parent in tuple(self._parents):
            parent.child_completed(self)

    def __await__(self) -> Generator[Any, Any, T_co]:
        return (yield self)


class ReadyTask(Task[None]):
    """Completed from the start, with None: what is awaited for nothing."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._is_scheduled_flag = True
        self.complete(None)


class AtomicTask(Task[T_co]):
    """One activity, sub-orchestration or event; completed by the answer under its number or name."""

    def __init__(self, scheduler: Scheduler, action: Any, expected_type: type | None = None) -> None:
        super().__init__(scheduler)
        self._action = action
        self._expected_type = expected_type
        self._payload: str | None = None
        self.failure: FailureDetails | None = None

    @property
    def action_repr(self) -> Any:
        return self._action

    @property
    def result(self) -> Any:
        if self._payload is not None:
            try:
                self._value = self._decoded(self._payload)
            except Exception as exc:
                raise payloads.PayloadError(str(exc)) from exc
            self._payload = None
        return self._value

    def _decoded(self, payload: str) -> Any:
        return payloads.decode(payload, self._expected_type)

    def complete_with_payload(self, payload: str | None) -> None:
        """Success with stored JSON text, decoded when somebody looks."""
        if self.state is _RUNNING:
            self._payload = payload
            self.complete(None)


class HttpTask(AtomicTask[dict[str, Any]]):
    """A call of ``call_http``.

    Its answer is plain JSON whatever it looks like: a server that knew how could otherwise name a class of the
    app in its headers and have the codec make one.
    """

    def _decoded(self, payload: str) -> Any:
        return answer_of(payload)


class TimerTask(AtomicTask[None]):
    """A durable timer of any length; its result is None."""

    def __init__(self, scheduler: Scheduler, action: CreateTimer) -> None:
        super().__init__(scheduler, action)
        self._cancelled = False

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        """The timer will never complete, and no longer keeps the orchestration open.

        Raises ValueError when it has completed already.
        """
        if self.state is not _RUNNING:
            raise ValueError("Cannot cancel a completed task.")
        if not self._cancelled and self._scheduler.cancel(self):
            self._cancelled = True
            self._action.cancelled = True


class CompoundTask(Task[T_co]):
    """A task of tasks. Children that are complete already count at once, in their order."""

    def __init__(self, scheduler: Scheduler, children: Collection[Task], name: str) -> None:
        super().__init__(scheduler)
        for child in cast(Collection[object], children) if len(children) else ():
            if not isinstance(child, Task):
                raise AttributeError(f"{name} takes tasks, but got {child!r}")
        self.id = -1
        # A set has no order that a replay could rely on: the order in which its tasks were made has.
        self.children = (
            sorted(children, key=lambda t: t._made) if isinstance(children, (set, frozenset)) else [*children]
        )
        self.completed_tasks: list[Task] = []
        self.pending_tasks: set[Task] = set(self.children)
        for child in self.pending_tasks:
            child._parents.append(self)
        if not self.children:
            self._decide_alone()
        for child in self.children:
            if child.state is not _RUNNING and child in self.pending_tasks:
                self.child_completed(child)

    def child_completed(self, child: Task) -> None:
        if child not in self.pending_tasks:
            return
        self.pending_tasks.discard(child)
        self.completed_tasks.append(child)
        if self.state is _RUNNING:
            self._decide(child)

    @property
    def compound(self) -> Any:
        return self

    def _decide(self, child: Task) -> None:
        raise NotImplementedError

    def _decide_alone(self) -> None:
        """What comes of a compound without children."""
        self.complete(None)


class WhenAllTask(CompoundTask[list[T]]):
    """The results in argument order; the first failure fails it at once with that child's exception."""

    def __init__(self, scheduler: Scheduler, children: Collection[Task[T]]) -> None:
        super().__init__(scheduler, children, "task_all")

    @property
    def result(self) -> Any:
        if self.state is _SUCCEEDED and self.children and self._value is None:
            self._value = [child.result for child in self.children]
        return self._value

    def _decide(self, child: Task) -> None:
        if child.state is _FAILED:
            self.complete(child.result, failed=True, through=child)
        elif not self.pending_tasks:
            self.complete(None, through=child)


class WhenAnyTask(CompoundTask[Task[T]]):
    """The child that completed first, failed or not; it never throws."""

    def __init__(self, scheduler: Scheduler, children: Collection[Task[T]]) -> None:
        super().__init__(scheduler, children, "task_any")

    def _decide(self, child: Task) -> None:
        self.complete(child.shown, through=child)


class RetryAbleTask(CompoundTask[T_co]):
    """An activity or sub-orchestration with its further attempts and the timers between them."""

    def __init__(self, scheduler: Scheduler, rule: RetryRule, attempt: Callable[[], AtomicTask]) -> None:
        self._rule = rule
        self._attempt = attempt
        self._failed_attempts = 0
        self._first_attempt: Instant | None = None
        self._error: Any = None
        self._exhausted = False
        super().__init__(scheduler, [attempt()], "call with retry")

    @property
    def result(self) -> Any:
        if self.state is _SUCCEEDED and self._value is None:
            self._value = self.completed_tasks[-1].result
        return self._value

    def _decide(self, child: Task) -> None:
        if isinstance(child, TimerTask):
            self._timer_fired(child)
        elif child.state is _SUCCEEDED:
            self.complete(None, through=child)
        else:
            self._attempt_failed(cast(AtomicTask, child))

    def _timer_fired(self, timer: TimerTask) -> None:
        if self._exhausted:
            self.complete(self._error, failed=True, through=timer)
        else:
            self._add(self._attempt())

    def _attempt_failed(self, child: AtomicTask) -> None:
        self._error = child.result
        self._failed_attempts += 1
        now = self._scheduler.now
        if is_final(self._rule, child.failure):
            self.complete(self._error, failed=True, through=child)
            return
        if self._failed_attempts >= self._rule.max_attempts:
            self._exhausted = True
            self._add(TimerTask(self._scheduler, CreateTimer(-1, now)))
            return
        first = self._first_attempt if self._first_attempt is not None else now
        due = next_attempt_at(self._rule, failed=self._failed_attempts, first_attempt=first, now=now)
        if due is None or not self._wanted(child):
            self.complete(self._error, failed=True, through=child)
        else:
            self._add(TimerTask(self._scheduler, CreateTimer(-1, due)))

    def _wanted(self, child: AtomicTask) -> bool:
        """Whether the author's predicate, if there is one, wants another attempt."""
        if self._rule.retry_if is None:
            return True
        try:
            return bool(self._rule.retry_if(self._error))
        except BaseException as exc:  # a border to user code: no handler of the orchestrator stands around it
            raise EngineFailure(
                f"the retry_if of the call of '{child.action_repr.name}' raised {type(exc).__name__}: {error_text(exc)}"
            ) from exc

    def _add(self, child: Task) -> None:
        self.children = [*self.children, child]
        self.pending_tasks.add(child)
        child._parents.append(self)
        self._scheduler.schedule(child, again=True)

    def scheduled(self) -> None:
        """Remember when the first attempt was asked for: a retry timeout counts from there."""
        if self._first_attempt is None:
            self._first_attempt = self._scheduler.now
