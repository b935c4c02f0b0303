"""Clocks that misbehave as those of real machines do."""

from funchost.clock import SystemClock
from funchost.instant import TICKS_PER_SECOND, Instant

__all__ = ["JumpingClock"]


class JumpingClock(SystemClock):
    """The machine's clock; its wall clock can be set. Waiting for ``impatient`` seconds or more takes 20 ms."""

    def __init__(self, *, impatient: float = float("inf")) -> None:
        self._offset = 0
        self._impatient = impatient

    def jump(self, seconds: float) -> None:
        self._offset += round(seconds * TICKS_PER_SECOND)

    def now(self) -> Instant:
        return Instant(super().now() + self._offset)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(0.02 if seconds >= self._impatient else seconds)
