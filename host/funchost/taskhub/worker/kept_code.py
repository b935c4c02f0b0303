"""Extended sessions: which suspended code is kept for the next episode, and for how long.

Resuming makes a difference to code that looks at the whole history or that runs inside a wrapper's generator: such
code is run again from the start, as without sessions. All other code must do the same either way, and in
development some of it is run both ways to see whether it does.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, takewhile

from funchost.durable.execution import Execution
from funchost.ids import InstanceId
from funchost.taskhub.worker.advance import Advance
from funchost.taskhub.worker.live import LiveInstance

__all__ = ["KeptCode", "KeptCodeLimits"]

_SLOW_REPLAY_S = 0.1
_LONG_REPLAY_EVENTS = 100
"""Below that it is not the replaying that took so long."""


@dataclass(frozen=True, slots=True)
class KeptCodeLimits:
    """``idle``: so long suspended code waits for its next episode. None: it is closed after each.

    ``instances`` bounds how many are kept, the longest idle one goes first. ``compare_every``: so many episodes
    after the last comparison the next one is run both ways; None: never.
    """

    idle: timedelta | None = None
    instances: int = 2_000
    compare_every: int | None = None


class KeptCode:
    """The instances whose code is kept, and the functions whose code is not. ``monotonic`` gives seconds.

    Thread-safe. Whoever is given an execution here has to close it.
    """

    def __init__(self, limits: KeptCodeLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # Each use moves an instance to the end.
        self._kept: dict[LiveInstance, None] = {}
        self._resumed = count(1)
        self._differing: set[str] = set()
        self._told: set[str] = set()

    @property
    def on(self) -> bool:
        return self._limits.idle is not None

    def compares(self, live: LiveInstance) -> bool:
        """Whether the next episode is to be run both ways.

        A long history is only replayed again once it has doubled: comparing would else make a loop of many steps
        cost their square.
        """
        every = self._limits.compare_every
        if every is None or live.engine is None or not live.engine.has_code:
            return False
        if next(self._resumed) % every or len(live.past) < 2 * live.compared_at:
            return False
        live.compared_at = len(live.past)
        return True

    def keeps(self, instance: InstanceId, result: Advance, took_s: float) -> bool:
        """Whether the code of an episode that took so long is kept when the episode is committed."""
        if not self.on:
            if result.replayed >= _LONG_REPLAY_EVENTS and took_s >= _SLOW_REPLAY_S:
                self._hint(result, took_s)
            return False
        if result.difference is not None:
            self._differs(instance, result)
        if result.ended is not None or not result.engine.has_code or result.name in self._differing:
            return False
        reason = result.engine.must_be_replayed
        if reason is None:
            return True
        self._tell(
            result.name,
            "Orchestrator '%s' is run again from the start at each step, although extendedSessionsEnabled is set: %s",
            reason,
        )
        return False

    def used(self, live: LiveInstance) -> Execution | None:
        """An episode of it, which is still busy, is committed; gives what is closed for its code: the code that was
        idle for longest."""
        with self._lock:
            self._kept.pop(live, None)
            if live.engine is None or not live.engine.has_code:
                return None
            self._kept[live] = None
            return self._take_first() if len(self._kept) > self._limits.instances else None

    def drop(self, live: LiveInstance) -> None:
        """Its code is gone, or its owner sees to it."""
        if self.on:
            with self._lock:
                self._kept.pop(live, None)

    def take_idle(self) -> list[Execution]:
        """The code that was not used for so long that it is kept no more."""
        idle = timedelta() if self._limits.idle is None else self._limits.idle
        return self._take_unused_since(self._monotonic() - idle.total_seconds())

    def take_all(self) -> list[Execution]:
        """The code of all instances that are idle."""
        return self._take_unused_since(self._monotonic())

    def _take_first(self) -> Execution | None:
        for live in self._kept:
            if (code := _code_of(live)) is not None:
                del self._kept[live]
                return code
        return None

    def _take_unused_since(self, moment: float) -> list[Execution]:
        taken = list[Execution]()
        with self._lock:
            for live in list(takewhile(lambda live: live.used_at <= moment, self._kept)):
                if (code := _code_of(live)) is not None:
                    del self._kept[live]
                    taken.append(code)
        return taken

    # --- what a person is told -------------------------------------------------------------------

    def _differs(self, instance: InstanceId, result: Advance) -> None:
        self._differing.add(result.name)
        _logger(result.name).error(
            "Orchestrator '%s' of '%s' did not do the same when it was resumed as when it was run again from its "
            "start: %s. Its history goes on with the latter, and its code is kept no more",
            instance,
            result.name,
            result.difference,
            extra={"instance_id": instance},
        )

    def _hint(self, result: Advance, took_s: float) -> None:
        if result.engine.has_code and result.engine.must_be_replayed is None:
            self._tell(
                result.name,
                "Running orchestrator '%s' again on its %s past events took %.0f ms: with extendedSessionsEnabled in "
                "host.json it is kept between its steps instead",
                f"{result.replayed:,}",
                took_s * 1000,
            )

    def _tell(self, function: str, message: str, *details: object) -> None:
        """Once for each function."""
        if function not in self._told:
            self._told.add(function)
            _logger(function).warning(message, function, *details)


def _code_of(live: LiveInstance) -> Execution | None:
    """The suspended code of an idle instance, which stays without it."""
    with live.lock:
        code = live.engine
        if live.busy or code is None or not code.has_code:
            return None
        live.engine = None
        return code


def _logger(function: str) -> logging.Logger:
    return logging.getLogger(f"Function.{function}")
