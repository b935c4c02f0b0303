"""Activities that are put off until later, by a hub that does not take it."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from funchost.clock import SystemClock
from funchost.durable.events import HistoryEvent
from funchost.errors import StorageUnavailable
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import ActivityWork, HubWorker
from funchost.taskhub.worker.activities import Activities
from funchost.taskhub.worker.activity import Activity, Later
from funchost.taskhub.worker.errands import Errands
from funchost.threads import ThreadPool


class Poll:
    """Always asks to be called again."""

    name = "poll"
    is_async = True

    async def call_async(self, argument: Any, work: ActivityWork) -> Later:
        return Later('["rest"]', timedelta(seconds=7))


class FullHub:
    """Can put nothing off; notes what is given back."""

    def __init__(self) -> None:
        self.given_back = list[tuple[ActivityWork, timedelta, str]]()

    async def postpone(self, work: ActivityWork, *, rest: str, delay: timedelta) -> None:
        raise StorageUnavailable("the disk is full")

    async def abandon(self, work: ActivityWork, *, delay: timedelta, why: str) -> None:
        self.given_back.append((work, delay, why))


async def test_an_activity_that_cannot_be_put_off_is_given_back_and_does_not_fail():
    answers, freed = list[HistoryEvent](), asyncio.Event()
    loop, pool, hub = asyncio.get_running_loop(), ThreadPool(1, name="answers"), FullHub()
    activities = Activities(
        {"poll": cast(Activity, Poll())},
        1,
        threads=pool,
        answer_threads=pool,
        clock=SystemClock(),
        answered=lambda work, event: answers.append(event) is None,
        freed=lambda: loop.call_soon_threadsafe(freed.set) and None,
    )
    activities.serve(cast(HubWorker, hub), Errands())
    work = ActivityWork(InstanceId("i"), ExecutionId("e"), 0, "poll", '["a"]', None)
    activities.slots.add([work])
    await asyncio.wait_for(freed.wait(), 5)
    assert hub.given_back == [(work, timedelta(seconds=7), "the disk is full")]
    assert answers == []
    assert activities.slots.room == 1
