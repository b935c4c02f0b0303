"""Time and chance, as parameters: the only module that asks the machine for either."""

import asyncio
import itertools
import random
import time
import uuid
from typing import Protocol

from funchost.instant import Instant

__all__ = ["Clock", "SystemClock", "new_guid", "new_invocation_id", "new_uuid", "random_fraction"]


class Clock(Protocol):
    """What the time is and how to wait for it. Methods may be called from any thread."""

    def now(self) -> Instant:
        """The wall clock: what is stored or shown."""
        ...

    def monotonic(self) -> float:
        """Seconds, for durations and deadlines; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Until ``event`` is set, but no longer than that; whether it is."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 100)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if not event.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await event.wait()
            except TimeoutError:
                return False
        return True


def new_guid() -> str:
    """A random GUID in .NET's ``N`` form: 32 lower-case hex digits."""
    return uuid.uuid4().hex


def new_uuid() -> uuid.UUID:
    return uuid.uuid4()


def new_invocation_id() -> str:
    """A GUID with dashes: random for each process and then counted, because a fast function makes many."""
    return f"{_PROCESS}-{next(_INVOCATIONS):012x}"


_PROCESS = str(uuid.uuid4())[:23]
_INVOCATIONS = itertools.count(random.getrandbits(40))


def random_fraction() -> float:
    """Uniform in [0, 1): for jitter, never for keys."""
    return random.random()
