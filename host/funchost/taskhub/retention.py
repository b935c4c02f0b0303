"""Purging what is past its time, a little at a time, so that nobody waits for it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from funchost.clock import Clock
from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant, ticks_of
from funchost.taskhub import TaskHub
from funchost.taskhub.entity_client import EntityClient

__all__ = ["Sweep", "retention", "sweep_ended", "sweep_entities"]

_ROUND_S = 60.0
"""How late what is past its time is noticed."""

_PAUSE_S = 0.25
"""Between two steps of a round, so that commits hardly wait."""

_AT_ONCE = 100

Sweep = Callable[[], Awaitable[bool]]
"""Removes some of what is past its time; whether there may be more of it."""

logger = logging.getLogger(__name__)


def sweep_ended(hub: TaskHub, clock: Clock, keep: Mapping[RuntimeStatus, timedelta]) -> Sweep:
    """Instances that have been in a state of ``keep`` for longer than it says.

    Children go like any other instance, whether or not their parent still runs: it has their answers.
    """

    async def sweep() -> bool:
        now = clock.now()
        before = {status: Instant(now - ticks_of(age)) for status, age in keep.items()}
        removed = await hub.purge_ended(before, most=_AT_ONCE)
        if removed:
            logger.debug("purged what had ended long ago", extra={"instances": removed})
        return removed == _AT_ONCE

    return sweep


def sweep_entities(entities: EntityClient, unused_for: timedelta) -> Sweep:
    """Entities in which nothing is, and for which nothing has come for so long."""

    async def sweep() -> bool:
        await entities.clean(unused_for=unused_for, page_size=_AT_ONCE)
        return False

    return sweep


@asynccontextmanager
async def retention(sweeps: Sequence[Sweep], clock: Clock) -> AsyncGenerator[None]:
    """While entered: each sweep now and then every minute, until it finds no more."""
    keeping = asyncio.create_task(_keep(sweeps, clock), name="retention")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(sweeps: Sequence[Sweep], clock: Clock) -> None:
    while True:
        for sweep in sweeps:
            try:
                while await sweep():
                    await clock.sleep(_PAUSE_S)
            except Exception as exc:  # noqa: BLE001 - a service loop: the next round tries again
                logger.error("what is past its time could not be purged: %s", exc)
        await clock.sleep(_ROUND_S)
