"""Driving the author's function: start, resume at its yields, close.

Whether the function is a generator function is not decided by inspection: wrappers return generators from
plain functions. It is called, and what it returns is looked at: a generator or coroutine is driven,
anything else is the output.
"""

import gc
import inspect
from collections.abc import Callable, Coroutine, Generator, Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, Protocol

from funchost.durable.failures import EngineFailure
from funchost.tracebacks import is_authors, own_traceback

__all__ = ["Guard", "Raised", "Returned", "Suspended", "UserCode", "Watch"]


class Watch(Protocol):
    """Stands around the author's code each time that it runs on, on the thread that runs it."""

    def __call__(self, *, replaying: bool) -> AbstractContextManager[object]:
        """``replaying``: this stretch of the code has run before. Closing the code is not watched."""
        ...


Guard = Callable[[str], Watch | None]
"""Asked once a run, by the name of the orchestrator, who shall watch it. None: nobody, at no cost."""


@dataclass(slots=True)
class Suspended:
    """The code yielded ``value``, a task if all is well."""

    value: Any


@dataclass(slots=True)
class Returned:
    value: Any


@dataclass(slots=True)
class Raised:
    error: BaseException
    traceback: str


class UserCode:
    """One run of an orchestrator function; only ever used on one thread at a time.

    ``around`` makes what stands around each stretch of it.
    """

    def __init__(
        self, function: Callable[[Any], Any], around: Callable[[], AbstractContextManager[object]] | None = None
    ) -> None:
        self._function = function
        self._around = around
        self._routine: Generator[Any, Any, Any] | Coroutine[Any, Any, Any] | None = None

    def start(self, context: Any) -> Suspended | Returned | Raised:
        """Call the function and run to its first yield.

        Whatever the code raises is its failure, SystemExit and its like included: there is nobody outside
        for whom they could be meant. Only an EngineFailure, such as stored data that cannot be decoded, passes
        through.
        """
        return self._run(self._begin, context)

    def send(self, value: Any) -> Suspended | Returned | Raised:
        assert self._routine is not None
        return self._run(_resumed, self._routine.send, value)

    def throw(self, error: Exception) -> Suspended | Returned | Raised:
        assert self._routine is not None
        return self._run(_resumed, self._routine.throw, error)

    def _begin(self, context: Any) -> Suspended | Returned:
        result = self._function(context)
        if not isinstance(result, (GeneratorType, CoroutineType)):
            return Returned(result)
        self._routine = result
        return _resumed(result.send, None)

    def _run(self, enter: Callable[..., Suspended | Returned], *args: Any) -> Suspended | Returned | Raised:
        try:
            if self._around is None:
                return enter(*args)
            with self._around():
                return enter(*args)
        except EngineFailure:
            raise
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            return Raised(exc, own_traceback(exc))

    @property
    def is_authors_own(self) -> bool:
        """Whether the running generator or coroutine is the author's function itself, not a wrapper's."""
        routine = self._routine
        code = getattr(routine, "gi_code", None) or getattr(routine, "cr_code", None)
        return code is not None and code is getattr(inspect.unwrap(self._function), "__code__", None)

    @property
    def position(self) -> tuple[CodeType, int] | None:
        """The line where suspended code stands: the innermost of the author's own; None when it has ended.

        Helpers are entered; an async generator hides what it waits for.
        """
        found: tuple[CodeType, int] | None = None
        routine: Any = self._routine
        while routine is not None:
            frame: FrameType | None = getattr(routine, "gi_frame", None) or getattr(routine, "cr_frame", None)
            if frame is not None and (found is None or is_authors(frame.f_code)):
                found = frame.f_code, frame.f_lineno
            routine = getattr(routine, "gi_yieldfrom", None) or getattr(routine, "cr_await", None)
        return found

    def close(self) -> None:
        """Raise GeneratorExit at the yield; ``finally`` blocks run here, on this thread.

        A generator that ignores it, or raises while closing, is nobody's failure: the episode is decided.
        """
        routine, self._routine = self._routine, None
        if routine is None:
            return
        try:
            if isinstance(routine, CoroutineType):
                _close_unstarted(routine)
            routine.close()
        except BaseException:  # noqa: BLE001 - see above
            pass


def _close_unstarted(routine: "CoroutineType[Any, Any, Any]") -> None:
    """Close the coroutines that suspended code has made and would await later on.

    Python warns of each that goes away without ever having been awaited. Of these that would be wrong: every
    replay makes them again. Those in great heaps of data are not looked for.
    """
    waiting: list[Any] = [routine]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_HOLDERS:
        for held in gc.get_referents(waiting.pop()):
            if not isinstance(held, _HOLDERS) or id(held) in seen or _size(held) > _MOST_HOLDERS:
                continue
            seen.add(id(held))
            if isinstance(held, CoroutineType) and inspect.getcoroutinestate(held) == inspect.CORO_CREATED:
                held.close()
            else:
                waiting.append(held)


_MOST_HOLDERS = 1_000
_HOLDERS = (CoroutineType, list, tuple, dict, set, type(iter([])), type(iter(())))


def _size(holder: Any) -> int:
    return len(holder) if isinstance(holder, Sized) else 0


def _resumed(resume: Callable[[Any], Any], value: Any) -> Suspended | Returned:
    try:
        return Suspended(resume(value))
    except StopIteration as stop:
        return Returned(stop.value)
