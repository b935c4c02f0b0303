"""When a worker looks into the database for work that memory does not tell it of."""

import asyncio

from funchost.clock import Clock
from funchost.instant import TICKS_PER_SECOND
from funchost.taskhub.sqlite.returns import Returns

__all__ = ["POLL_S", "Lookout"]

POLL_S = 1.0
"""The safety net under lost wake-ups, and under a wall clock that was set: how late either is noticed."""


class Lookout:
    """``wanted`` and ``next_due`` may be set on any thread, :meth:`call` made on the committer's."""

    def __init__(self, clock: Clock, returns: Returns) -> None:
        self.wanted = True
        self.next_due: int | None = None
        self._clock = clock
        self._returns = returns
        self._loop = asyncio.get_running_loop()
        self._called = asyncio.Event()

    def due_at(self, due: int) -> None:
        """A timer or delayed message of this time (ticks) was written."""
        if self.next_due is None or due < self.next_due:
            self.next_due = due
            self._returns.later(self._loop, self._called.set)

    def call(self) -> None:
        """From the committer's thread: there is something to find."""
        self.wanted = True
        self._returns.later(self._loop, self._called.set)

    def call_here(self) -> None:
        """The same from the loop's own thread."""
        self.wanted = True
        self._called.set()

    def is_due(self) -> bool:
        return self.wanted or (self.next_due is not None and self.next_due <= self._clock.now())

    async def wait(self, *, at: float | None) -> None:
        """Until called, until the next due time, until ``at`` (monotonic), and a second at most."""
        pause = POLL_S
        if self.next_due is not None:
            pause = min(pause, (self.next_due - self._clock.now()) / TICKS_PER_SECOND)
        if at is not None:
            pause = min(pause, at - self._clock.monotonic())
        if pause > 0:
            await self._clock.wait(self._called, pause)
        self._called.clear()
