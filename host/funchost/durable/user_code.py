"""Driving the author's function: start, resume at its yields, close.

Whether the function is a generator function is not decided by inspection: wrappers return generators from
plain functions. It is called, and what it returns is looked at: a generator or coroutine is driven,
anything else is the output.
"""

import inspect
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from types import CoroutineType, GeneratorType
from typing import Any

from funchost.durable.payloads import PayloadError
from funchost.tracebacks import own_traceback

__all__ = ["Raised", "Returned", "Suspended", "UserCode"]


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
    """One run of an orchestrator function; only ever used on one thread at a time."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._routine: Generator[Any, Any, Any] | Coroutine[Any, Any, Any] | None = None

    def start(self, context: Any) -> Suspended | Returned | Raised:
        """Call the function and run to its first yield.

        Whatever the code raises is its failure, SystemExit and its like included: there is nobody outside
        for whom they could be meant. Only stored data that cannot be decoded passes through.
        """
        try:
            result = self._function(context)
        except PayloadError:
            raise
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            return _raised(exc)
        if isinstance(result, (GeneratorType, CoroutineType)):
            self._routine = result
            return self.send(None)
        return Returned(result)

    def send(self, value: Any) -> Suspended | Returned | Raised:
        assert self._routine is not None
        try:
            return Suspended(self._routine.send(value))
        except StopIteration as stop:
            return Returned(stop.value)
        except PayloadError:
            raise
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            return _raised(exc)

    def throw(self, error: Exception) -> Suspended | Returned | Raised:
        assert self._routine is not None
        try:
            return Suspended(self._routine.throw(error))
        except StopIteration as stop:
            return Returned(stop.value)
        except PayloadError:
            raise
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            return _raised(exc)

    @property
    def is_authors_own(self) -> bool:
        """Whether the running generator or coroutine is the author's function itself, not a wrapper's."""
        routine = self._routine
        code = getattr(routine, "gi_code", None) or getattr(routine, "cr_code", None)
        return code is not None and code is getattr(inspect.unwrap(self._function), "__code__", None)

    def close(self) -> None:
        """Raise GeneratorExit at the yield; ``finally`` blocks run here, on this thread.

        A generator that ignores it, or raises while closing, is nobody's failure: the episode is decided.
        """
        routine, self._routine = self._routine, None
        if routine is None:
            return
        try:
            routine.close()
        except BaseException:  # noqa: BLE001 - see above
            pass


def _raised(error: BaseException) -> Raised:
    return Raised(error, own_traceback(error))
