"""Purging what is past its time, a little at a time, so that nobody waits for it."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from funchost.clock import Clock
from funchost.durable.status import RuntimeStatus
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import TaskHub

__all__ = ["PAUSE_S", "ROUND_S", "Sweep", "keep_retention", "sweep_ended"]

ROUND_S = 60.0
"""How late what is past its time is noticed."""

PAUSE_S = 0.25
"""Between two steps of a round, so that commits hardly wait."""

AT_ONCE = 100

Sweep = Callable[[], Awaitable[int]]
"""Removes up to :data:`AT_ONCE` of one kind; how many."""

logger = logging.getLogger(__name__)


def sweep_ended(hub: TaskHub, clock: Clock, keep: Mapping[RuntimeStatus, timedelta]) -> Sweep:
    """Instances that have been in a state of ``keep`` for longer than it says.

    Children go like any other instance, whether or not their parent still runs: it has their answers.
    """

    async def sweep() -> int:
        now = clock.now()
        before = {status: Instant(now - _ticks(age)) for status, age in keep.items()}
        return await hub.purge_ended(before, most=AT_ONCE)

    return sweep


async def keep_retention(sweeps: Sequence[Sweep], clock: Clock) -> None:
    """Until cancelled: now, and then every minute, each sweep until it finds no more."""
    while True:
        for sweep in sweeps:
            try:
                await _sweep_out(sweep, clock)
            except Exception as exc:  # noqa: BLE001 - a service loop: the next round tries again
                logger.error("what is past its time could not be purged: %s", exc)
        await clock.sleep(ROUND_S)


async def _sweep_out(sweep: Sweep, clock: Clock) -> None:
    total = 0
    while (removed := await sweep()) > 0:
        total += removed
        await clock.sleep(PAUSE_S)
    if total:
        logger.info("purged %d that are past their time", total)


def _ticks(age: timedelta) -> int:
    return age // timedelta(microseconds=1) * (TICKS_PER_SECOND // 1_000_000)
