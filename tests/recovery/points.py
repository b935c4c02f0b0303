"""The named points at which a host can be killed, and the switch for it.

- Of a transaction: ``begin``, ``statement`` (each one), ``statements``, ``commit``, ``committed``.
- Of the worker: ``take`` and ``taken``, ``submit`` (an outcome is about to be handed to the hub), ``settled`` (the
  hub's word, before the worker hears it), ``heard``, ``answer`` and ``answered`` (an answer without an episode).
- Of user code: ``activity``, ``activity-done``, ``episode`` (an orchestrator begins to run or
  replay), ``episode-done`` (it has returned).
- Of entities: ``operation`` (the code of one begins), ``batch`` (an outcome of one is about to be handed to the hub),
  ``batched`` (the hub's word of it, before the worker hears), ``response`` (an answer of one was taken).
- Of locks: ``lock`` (asked for), ``grant`` (an entity is locked: the answer or the way to the next), ``release`` (given
  back), ``unlock`` (that has come to an entity). Each is passed when the outcome is about to be handed to the hub, and
  once more when it is durable.
- Of rewinding: ``rewind`` (the family was read, nothing is written), ``rewound`` (durable, nobody told).
- Of activities that are to come again: ``postpone``, before it is durable and after.
- ``time``: none of these; the client kills after a while.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

__all__ = ["CODE_POINTS", "ENTITY_POINTS", "POINTS", "Hold", "Kill", "Switch", "pointed_code", "pointed_entity"]

_ANYWHERE = {
    "begin": 80,
    "statement": 800,
    "statements": 80,
    "commit": 80,
    "committed": 80,
    "take": 60,
    "taken": 60,
    "submit": 150,
    "settled": 150,
    "heard": 150,
    "answer": 2,
    "answered": 2,
    "activity": 40,
    "activity-done": 40,
    "episode": 100,
    "episode-done": 16,
    "time": 1,
}

ENTITY_POINTS = {
    "operation": 40,
    "batch": 50,
    "batched": 50,
    "response": 28,
    "lock": 16,
    "grant": 24,
    "release": 12,
    "unlock": 22,
    "rewind": 1,
    "rewound": 1,
    "postpone": 3,
}

POINTS = {**_ANYWHERE, **ENTITY_POINTS}
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
        self.counts = Counter[str]()

    def passed(self, point: str) -> None:
        at = self._at
        with self._lock:
            self.counts[point] += 1
            if at is None or point != at.point or self.counts[point] != at.nth:
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


def pointed_entity(passed: Callable[[str], None], call: Callable[[Any], None]) -> Callable[[Any], None]:
    """Code of an entity that passes ``operation`` whenever it begins."""

    def pointed(context: Any) -> None:
        passed("operation")
        call(context)

    return pointed
