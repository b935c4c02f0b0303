"""What is past its time is purged in the background, a little at a time."""

import asyncio
import logging
from datetime import timedelta

import pytest

from funchost.clock import SystemClock
from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import Outcome, Query, Snapshot, StatusChange, TaskHub
from funchost.taskhub.entity_client import EntityClient
from funchost.taskhub.retention import retention, sweep_ended, sweep_entities
from taskhub.acting import NOW, SOON_S, append, commit, episode, raised, start, working

HOUR = timedelta(hours=1)


class LaterClock(SystemClock):
    """It can be set forward; its sleeps end when the test says so."""

    def __init__(self) -> None:
        self.offset_s = 0
        self.slept = asyncio.Queue[float]()
        self._go_on = asyncio.Semaphore(0)

    def now(self) -> Instant:
        return Instant(super().now() + self.offset_s * TICKS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        self.slept.put_nowait(seconds)
        await self._go_on.acquire()

    async def next_sleep(self) -> float:
        """The next one, which then is over."""
        seconds = await asyncio.wait_for(self.slept.get(), SOON_S)
        self._go_on.release()
        return seconds


async def ids(hub: TaskHub) -> list[str]:
    return [instance.id for instance in (await hub.list(Query())).instances]


async def test_instances_go_when_they_have_been_finished_for_long_enough(hub: TaskHub) -> None:
    clock = LaterClock()
    async with working(hub) as worker:
        for status in (RuntimeStatus.COMPLETED, RuntimeStatus.FAILED):
            await start(hub, status.value.lower())
            await commit(worker, await episode(worker), append(raised(), status=StatusChange(status)))
        await start(hub, "open")
    sweep = sweep_ended(hub, clock, {RuntimeStatus.COMPLETED: HOUR, RuntimeStatus.FAILED: 2 * HOUR})
    assert not await sweep()
    assert len(await ids(hub)) == 3
    clock.offset_s = 3601
    assert not await sweep()
    assert await ids(hub) == ["failed", "open"]
    clock.offset_s = 100 * 3600
    assert not await sweep()
    assert await ids(hub) == ["open"]


async def test_a_round_takes_small_steps_with_pauses_between_them() -> None:
    clock, left = LaterClock(), [3]

    async def sweep() -> bool:
        left[0] -= 1
        return left[0] > 0

    async with retention([sweep], clock):
        assert [await clock.next_sleep() for _ in range(3)] == [0.25, 0.25, 60.0]
        assert left == [0]


async def test_a_round_that_fails_is_followed_by_another(caplog: pytest.LogCaptureFixture) -> None:
    clock, tries = LaterClock(), list[str]()

    async def broken() -> bool:
        tries.append("broken")
        raise OSError("no disk")

    async def sound() -> bool:
        tries.append("sound")
        return False

    with caplog.at_level(logging.ERROR):
        async with retention([broken, sound], clock):
            await clock.next_sleep()
            await clock.next_sleep()
            assert tries == ["broken", "sound"] * 2
    assert "could not be purged: no disk" in caplog.text


async def test_leaving_ends_it() -> None:
    clock = LaterClock()

    async def sweep() -> bool:
        return True

    before = asyncio.all_tasks()
    async with retention([sweep], clock):
        await clock.next_sleep()
    assert asyncio.all_tasks() == before


async def test_empty_entities_go_and_others_stay(hub: TaskHub) -> None:
    clock = LaterClock()
    async with working(hub) as worker:
        for key, state in (("empty", '{"exists":false}'), ("full", '{"exists":true,"state":"1"}')):
            await hub.send(InstanceId(f"@counter@{key}"), EventRaised(timestamp=NOW, name="op", input="{}"))
            await commit(worker, await episode(worker), Outcome(Snapshot(state)))
    sweep = sweep_entities(EntityClient(hub, clock, functions={}), HOUR)
    await sweep()
    assert len(await ids(hub)) == 2
    clock.offset_s = 3601
    await sweep()
    assert await ids(hub) == ["@counter@full"]
