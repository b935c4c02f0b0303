"""A small language of orchestrations, for programs that nobody would think of.

A program is a list of statements. The interpreter makes tasks as it meets their expressions, keeps all of
them, and writes down what it sees: results, failures, winners (by the number of the task), flags. What it
wrote is its output.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.durable_functions import RetryOptions

from durable.hosted_entity import EntityFunction
from durable.world import ActivityFunction, Slow
from funchost.durable.entities.ids import EntityKey
from funchost.durable.locks import EntityLock, LockTask
from funchost.errors import LockingRulesViolation


@dataclass(frozen=True)
class Call:
    """``fails`` attempts fail before one succeeds; ``attempts`` 0 is a call without retry."""

    activity: str = "fast"
    fails: int = 0
    attempts: int = 0


@dataclass(frozen=True)
class Child:
    fails: bool = False


@dataclass(frozen=True)
class Timer:
    seconds: int


@dataclass(frozen=True)
class Wait:
    name: str


@dataclass(frozen=True)
class CallEntity:
    """``add`` or ``fail``."""

    key: str
    operation: str


@dataclass(frozen=True)
class Lock:
    keys: str


@dataclass(frozen=True)
class Earlier:
    """A task that was made before, counted from the newest."""

    back: int


@dataclass(frozen=True)
class Compound:
    method: str
    children: tuple["Expression", ...]


Expression = Call | Child | Timer | Wait | CallEntity | Lock | Earlier | Compound


@dataclass(frozen=True)
class Await:
    task: Expression


@dataclass(frozen=True)
class Demand:
    """An await whose failure is not caught."""

    task: Expression


@dataclass(frozen=True)
class Make:
    """A task that is not awaited here."""

    task: Expression


@dataclass(frozen=True)
class Cancel:
    back: int


@dataclass(frozen=True)
class Status:
    value: str


@dataclass(frozen=True)
class Look:
    """Write down what can be seen without waiting."""


@dataclass(frozen=True)
class Again:
    """Continue as new, in the first two generations."""


@dataclass(frozen=True)
class Fail:
    """End by an error."""


@dataclass(frozen=True)
class Signal:
    """``seconds`` 0 is at once."""

    key: str
    seconds: int


@dataclass(frozen=True)
class Release:
    """The lock that was made last, whether it is granted or not."""


@dataclass(frozen=True)
class Section:
    """A critical section around some statements."""

    keys: str
    body: tuple["Statement", ...]


Statement = Await | Demand | Make | Cancel | Status | Look | Again | Fail | Signal | Release | Section


class Interpreter:
    """One run of a program."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._made: list[Any] = []
        self._log: list[Any] = []
        self._generation: int = context.get_input() or 0

    def run(self, program: Sequence[Statement]) -> Any:
        for statement in program:
            try:
                yield from self._do(statement)
            except LockingRulesViolation as error:
                self._log.append(f"refused: {error}")
        return self._log

    def _do(self, statement: Statement) -> Any:
        match statement:
            case Await():
                yield from self._await(self._make(statement.task))
            case Demand():
                self._log.append(self._shown((yield self._make(statement.task))))
            case Make():
                self._make(statement.task)
            case Cancel():
                self._cancel(statement.back)
            case Status():
                self._context.set_custom_status(statement.value)
            case Look():
                self._look()
            case Again():
                if self._generation < 2:
                    self._context.continue_as_new(self._generation + 1)
            case Fail():
                raise ValueError(f"after {self._log}")
            case Signal():
                at = {"at": timedelta(seconds=statement.seconds)} if statement.seconds else {}
                self._context.signal_entity(EntityKey("counter", statement.key), "add", 1, **at)
            case Release():
                self._release()
            case Section():
                with (yield self._make(Lock(statement.keys))):
                    yield from self.run(statement.body)

    def _await(self, task: Any) -> Any:
        try:
            self._log.append(self._shown((yield task)))
        except Exception as error:
            self._log.append(f"failed: {self._shown(error)}")

    def _shown(self, value: Any) -> Any:
        number = next((n for n, task in enumerate(self._made) if task is value), None)
        if number is not None:
            return f"task {number}"
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        if isinstance(value, EntityLock):
            return f"locked {[str(entity) for entity in value.entities]}"
        return str(value).split(" \n")[0] if isinstance(value, Exception) else value

    def _look(self) -> None:
        flags = "".join("x" if task.is_completed else "." for task in self._made)
        # The SDK's context, on which programs are run for comparison, has no locks.
        locked = [str(entity) for entity in getattr(self._context, "locked_entities", ())]
        self._log.append([flags, locked, self._context.new_uuid(), self._context.current_utc_datetime.isoformat()])

    def _cancel(self, back: int) -> None:
        timers = [task for task in self._made if hasattr(task, "cancel") and not task.is_completed]
        if back < len(timers):
            timers[-1 - back].cancel()

    def _release(self) -> None:
        locks = [task for task in self._made if isinstance(task, LockTask)]
        if locks:
            locks[-1].release()

    def _make(self, expression: Expression) -> Any:
        if isinstance(expression, Earlier) and expression.back < len(self._made):
            return self._made[-1 - expression.back]
        task = self._new(expression)
        self._made.append(task)
        return task

    def _new(self, expression: Expression) -> Any:
        context = self._context
        match expression:
            case Call():
                argument = {"call": f"{self._generation}.{len(self._made)}", "fails": expression.fails}
                options = RetryOptions(1000, expression.attempts) if expression.attempts else None
                return context.call_activity_with_retry(expression.activity, options, argument)
            case Child():
                return context.call_sub_orchestrator("child", expression.fails)
            case Timer():
                return context.create_timer(context.current_utc_datetime + timedelta(seconds=expression.seconds))
            case Wait():
                return context.wait_for_external_event(expression.name)
            case CallEntity():
                return context.call_entity(EntityKey("counter", expression.key), expression.operation, 1)
            case Lock():
                return context.lock(*(EntityKey("counter", key) for key in expression.keys))
            case Compound():
                return getattr(context, expression.method)([self._make(child) for child in expression.children])
            case Earlier():
                return context.task_all([])


def interpreted(program: Sequence[Statement]) -> Callable[[Any], Any]:
    def main(context: Any) -> Any:
        return (yield from Interpreter(context).run(program))

    return main


def child(context: Any) -> Any:
    yield context.call_activity("slow", {"call": "child", "fails": 0})
    if context.get_input():
        raise ValueError("child")
    return "child"


def rival(context: Any) -> Any:
    """Is in the way of whoever locks the same entities, and lets go of them again."""
    with (yield context.lock(EntityKey("counter", "b"), EntityKey("counter", "c"))):
        yield context.call_activity("slow", {"call": "rival", "fails": 0})
    with (yield context.lock(EntityKey("counter", "a"))):
        yield context.call_activity("slow", {"call": "rival", "fails": 0})


def counter(context: Any) -> None:
    if context.operation_name == "fail":
        raise ValueError("counter")
    context.set_state(context.get_state(int) + context.get_input())
    context.set_result(context.get_state())


ENTITIES: dict[str, EntityFunction] = {"counter": counter}


def activities() -> dict[str, ActivityFunction | Slow]:
    """Fresh ones: they count attempts."""
    attempts: dict[str, int] = {}

    def run(argument: Any) -> Any:
        call = argument["call"]
        attempts[call] = attempts.get(call, 0) + 1
        if attempts[call] <= argument["fails"]:
            raise ValueError(f"{call} attempt {attempts[call]}")
        return call

    return {"fast": run, "slow": Slow(2, run), "slower": Slow(5, run)}
