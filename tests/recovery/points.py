"""The named points at which a host can be killed, and the switch for it.

- Of a transaction: ``begin``, ``statement`` (each one), ``statements``, ``commit``, ``committed``.
- Of the worker: ``take`` and ``taken``, ``submit`` (an outcome is about to be handed to the hub), ``settled`` (the
  hub's word, before the worker hears it), ``heard``, ``answer`` and ``answered`` (an answer without an episode).
- Of user code: ``activity``, ``activity-done``, ``episode`` (an orchestrator begins to run or
  replay), ``episode-done`` (it has returned).
- ``time``: none of these; the client kills after a while.
"""

import os
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

__all__ = ["CODE_POINTS", "POINTS", "Hold", "Kill", "Switch", "pointed_code"]

POINTS = {
    "begin": 40,
    "statement": 300,
    "statements": 40,
    "commit": 40,
    "committed": 40,
    "take": 20,
    "taken": 20,
    "submit": 60,
    "settled": 60,
    "heard": 60,
    "answer": 2,
    "answered": 2,
    "activity": 40,
    "activity-done": 40,
    "episode": 60,
    "episode-done": 8,
    "time": 1,
}
"""Each point, and about how often a small round passes it before its instances wait at their gates."""

CODE_POINTS = frozenset({"episode", "episode-done"})
"""Passed only by code in a wrapper, which a worker does not keep between episodes."""


@dataclass(frozen=True, slots=True)
class Kill:
    """At the ``nth`` passing of ``point``; for ``time``, ``after_s`` it was ready."""

    point: str
    nth: int = 1
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hold:
    """The thread that passes ``point`` for the ``nth`` time waits there until it may go on."""

    point: str
    nth: int = 1


class Switch:
    """Counts passings, on any thread; at the one that was drawn, this process is gone or calls ``hold``."""

    def __init__(self, at: Kill | Hold | None, hold: Callable[[], None]) -> None:
        self._at = at
        self._hold = hold
        self._lock = threading.Lock()
        self._passed = 0

    def passed(self, point: str) -> None:
        at = self._at
        if at is None or point != at.point:
            return
        with self._lock:
            self._passed += 1
            if self._passed != at.nth:
                return
            if isinstance(at, Kill):
                os.kill(os.getpid(), signal.SIGKILL)
        self._hold()


def pointed_code(passed: Callable[[str], None]) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Orchestrator code that passes ``episode`` when it begins to run or replay and ``episode-done`` at its end."""

    def wrap(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def pointed(context: Any) -> Generator[Any, Any, Any]:
            passed("episode")
            result = yield from call(context)
            passed("episode-done")
            return result

        return pointed

    return wrap
