"""A thread that looks at something again and again for as long as there is something to look at."""

import logging
import threading
from collections.abc import Callable

__all__ = ["WatchThread"]

logger = logging.getLogger(__name__)

_STOP_S = 1.0
_AFTER_A_MISTAKE_S = 0.1


class WatchThread:
    """``look`` gives the seconds until the next look, or None when there is nothing to watch; then the thread sleeps
    until :meth:`wake`. One that raises is a mistake of ours; it is logged, and the next comes all the same."""

    def __init__(self, name: str, look: Callable[[], float | None]) -> None:
        self._look = look
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to watch. Costs next to nothing while the thread is awake."""
        if not self._awake.is_set():
            self._awake.set()

    def stop(self) -> None:
        """Waits for a look that is under way, but not for long."""
        self._stopping.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait()
            # The last look comes after the clearing: who began before it is seen by it, who began later wakes again.
            while not self._stopping.is_set() and (pause_s := self._next_look()) is not None:
                self._stopping.wait(pause_s)

    def _next_look(self) -> float | None:
        try:
            return self._look_or_sleep()
        except Exception:
            logger.exception("the watch %s missed a look", self._thread.name)
            return _AFTER_A_MISTAKE_S

    def _look_or_sleep(self) -> float | None:
        pause_s = self._look()
        if pause_s is None:
            self._awake.clear()
            pause_s = self._look()
            if pause_s is not None:
                self._awake.set()
        return pause_s
