"""Watches over answers that are held in memory for an episode.

An activity's answer normally becomes durable with the episode that it causes. When that episode's user code
takes longer than a moment, the answer is written on its own, so that a slow or hanging orchestrator never
makes a finished activity run again. The episode's own commit is then refused and the episode run anew.
"""

import threading
from collections.abc import Callable

from funchost.taskhub.worker.live import Answer, LiveInstance

__all__ = ["GRACE_S", "HeldAnswers"]

GRACE_S = 0.05
"""How long user code of an episode may keep answers from becoming durable."""

_STOP_S = 1.0


class HeldAnswers:
    """Knows which episodes run user code now; ``give`` writes the answers held for one of them.

    ``monotonic`` gives seconds. The thread sleeps while no episode runs.
    """

    def __init__(self, give: Callable[[LiveInstance, list[Answer]], None], monotonic: Callable[[], float]) -> None:
        self._give = give
        self._monotonic = monotonic
        self._running: dict[int, tuple[float, LiveInstance, list[Answer]]] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="held-answers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for an answer that is being given, but not for a store that does not take it."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def episode_begins(self, live: LiveInstance, answers: list[Answer]) -> None:
        self._running[threading.get_ident()] = (self._monotonic(), live, answers)
        if not self._wake.is_set():
            self._wake.set()

    def episode_ends(self) -> None:
        self._running.pop(threading.get_ident(), None)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            while self._running and not self._stopping.is_set():
                self._give_overdue()
                self._stopping.wait(GRACE_S / 2)
            self._wake.clear()
            if self._running:  # one began between the look and the clear
                self._wake.set()

    def _give_overdue(self) -> None:
        limit = self._monotonic() - GRACE_S
        for started, live, answers in list(self._running.values()):
            if started < limit:
                self._give(live, answers)
