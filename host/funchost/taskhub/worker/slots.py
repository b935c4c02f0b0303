"""The activities and episodes of a worker, and the slots that they run in.

A thread that is done with an activity takes the next one itself: a handover to another thread would cost more
than most activities do. So a slot is a right to run, which a thread holds for as long as it finds work.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

from funchost.taskhub import ActivityWork
from funchost.taskhub.worker.live import LiveInstance

__all__ = ["ActivitySlots", "EpisodeSlots", "Threads"]


class Threads(Protocol):
    """A bounded pool of threads."""

    def submit(self, task: Callable[[], object]) -> None: ...


class _Here(threading.local):
    """What a thread of activities knows of itself."""

    looking = False
    """It will look for the next activity when it is done with this one."""


class ActivitySlots:
    """Runs what is queued on ``threads``, at most ``slots`` at a time.

    ``start`` runs an activity; False: it goes on elsewhere and keeps the slot, until :meth:`give_back`.
    ``freed`` is told when a slot stays empty. What is counted are lengths, so that no step needs a lock.
    """

    def __init__(
        self, slots: int, threads: Threads, start: Callable[[ActivityWork], bool], freed: Callable[[], None]
    ) -> None:
        self._count = slots
        self._threads = threads
        self._start = start
        self._freed = freed
        self._queue: deque[ActivityWork] = deque()
        self._free: deque[None] = deque([None] * slots)
        self._here = _Here()
        self._closed = False

    @property
    def room(self) -> int:
        """Free slots, less what is queued for them: negative while activities wait."""
        return len(self._free) - len(self._queue)

    @property
    def in_use(self) -> bool:
        """Activities run."""
        return len(self._free) < self._count

    def close(self) -> None:
        """Begin no more activities: what is queued stays there."""
        self._closed = True

    def add(self, works: Collection[ActivityWork]) -> None:
        """Queue activities and give them as many threads as there are slots.

        An activity's own thread looks at the queue again when it is done here, so it needs no new one.
        """
        self._queue.extend(works)
        for _ in range(len(self._queue) - self._here.looking):
            if not self._take():
                return
            self._threads.submit(self._work)

    def give_back(self) -> None:
        """An activity that went on elsewhere is done."""
        self._free.append(None)
        self.add(())
        self._freed()

    def _take(self) -> bool:
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def _work(self) -> None:
        """Run queued activities on this thread until there is none; holds one slot."""
        self._here.looking = True
        try:
            while (work := self._next()) is not None:
                if not self._starts(work) and not (self._queue and self._take()):
                    return
        finally:
            self._here.looking = False

    def _starts(self, work: ActivityWork) -> bool:
        try:
            return self._start(work)
        except BaseException:
            # A mistake of ours ends the thread's turn, and the others need its slot.
            self._here.looking = False
            self.give_back()
            raise

    def _next(self) -> ActivityWork | None:
        while not self._closed:
            try:
                return self._queue.popleft()
            except IndexError:
                self._free.append(None)
            # Whoever queued one just before found no slot; so look again now that there is one.
            if not (self._queue and self._take()):
                break
        else:
            self._free.append(None)
        self._freed()
        return None


class EpisodeSlots:
    """At most ``slots`` episodes run at a time, on whatever thread; the others wait in order.

    ``waits`` is told of each that has to, ``run`` runs it in its turn, in a slot that :meth:`leave` gives back.
    """

    def __init__(
        self, slots: int, run: Callable[[LiveInstance], object], waits: Callable[[LiveInstance], object]
    ) -> None:
        self._run = run
        self._waits = waits
        self._waiting: deque[LiveInstance] = deque()
        self._free: deque[None] = deque([None] * slots)

    def enter(self, live: LiveInstance) -> bool:
        """False: there is no slot, and ``live`` is run later."""
        try:
            self._free.pop()
        except IndexError:
            self._waits(live)
            self._waiting.append(live)
            self._start_waiting()  # a slot that became free just now has seen nobody
            return False
        return True

    def leave(self) -> None:
        self._free.append(None)
        if self._waiting:
            self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting:
            try:
                self._free.pop()
            except IndexError:
                return  # whoever has it looks when it is left
            try:
                live = self._waiting.popleft()
            except IndexError:
                self._free.append(None)
                continue
            self._run(live)
