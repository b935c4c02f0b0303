"""Watches over answers that are held in memory for an episode.

An activity's answer normally becomes durable with the episode that it causes. When that episode's user code
takes longer than a moment, or when other orchestrators keep it waiting for a thread, the answer is written on
its own, so that a slow or hanging orchestrator never makes a finished activity run again. The episode's own
commit is then refused and the episode run anew.
"""

from collections.abc import Callable

from funchost.taskhub.worker.live import Answer, LiveInstance
from funchost.watch import WatchThread

__all__ = ["GRACE_S", "HeldAnswers"]

GRACE_S = 0.05
"""How long an episode that waits or runs may keep answers from becoming durable."""


class HeldAnswers:
    """Knows which episodes wait for a thread or run user code now; ``give`` writes the answers held for one.

    ``monotonic`` gives seconds. The thread sleeps while there is no such episode.
    """

    def __init__(self, give: Callable[[LiveInstance, list[Answer]], None], monotonic: Callable[[], float]) -> None:
        self._give = give
        self._monotonic = monotonic
        self._episodes: dict[LiveInstance, tuple[float, list[Answer]]] = {}
        self._watch = WatchThread("held-answers", self._give_overdue)

    def start(self) -> None:
        self._watch.start()

    def stop(self) -> None:
        """Waits for an answer that is being given, but not for a store that does not take it."""
        self._watch.stop()

    def episode_waits(self, live: LiveInstance) -> None:
        """For a thread; what comes for it meanwhile stands in ``live`` itself."""
        self.episode_begins(live, [])

    def episode_begins(self, live: LiveInstance, answers: list[Answer]) -> None:
        self._episodes[live] = (self._monotonic(), answers)
        self._watch.wake()

    def episode_ends(self, live: LiveInstance) -> None:
        self._episodes.pop(live, None)

    def _give_overdue(self) -> float | None:
        if not self._episodes:
            return None
        limit = self._monotonic() - GRACE_S
        for live, (since, answers) in list(self._episodes.items()):
            if since < limit:
                self._give(live, answers)
        return GRACE_S / 2
