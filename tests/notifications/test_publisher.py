"""Order, retries, bounds and the end of publishing, on a topic that a test controls."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

import pytest

from funchost.clock import SystemClock
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.notifications import Publisher
from funchost.notifications.topic import NotTaken
from funchost.taskhub.worker.transitions import Transition

BEGAN = Transition(RuntimeStatus.RUNNING)
COMPLETED = Transition(RuntimeStatus.COMPLETED)
FAILED = Transition(RuntimeStatus.FAILED, "boom")
TERMINATED = Transition(RuntimeStatus.TERMINATED, "enough")


class Topic:
    """Keeps what it takes. ``answer`` is asked at each post and may wait, or raise NotTaken."""

    def __init__(self) -> None:
        self.posts = list[dict[str, Any]]()
        self.taken = list[str]()
        self.waited_for: int | None = None
        self.enough = asyncio.Event()
        self.answer: Callable[[str], Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def post(self, body: bytes) -> None:
        (event,) = json.loads(body)
        self.posts.append(event)
        label = f"{event['data']['instanceId']} {event['data']['runtimeStatus']}"
        if self.answer is not None and (waits := self.answer(label)) is not None:
            await waits
        self.taken.append(label)
        if len(self.taken) == self.waited_for:
            self.enough.set()

    async def has_taken(self, count: int) -> list[str]:
        self.waited_for = count
        if len(self.taken) < count:
            await self.enough.wait()
        return self.taken


class PausesEndAtOnce(SystemClock):
    """Keeps the pauses that were asked for."""

    def __init__(self) -> None:
        self.pauses = list[float]()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        return event.is_set()


def publisher(topic: Topic, clock: SystemClock | None = None, **options: Any) -> Publisher:
    return Publisher(topic, "Hub", clock or SystemClock(), **options)


def tell(to: Publisher, instance: str, *transitions: Transition) -> None:
    to.changed(InstanceId(instance), "flow", transitions)


def refusing(times: int, *, again: bool = True) -> Callable[[str], None]:
    """Not taken so many times."""
    left = [None] * times

    def answer(label: str) -> None:
        if left:
            left.pop()
            raise NotTaken("answered with status 503", again=again)

    return answer


async def test_every_change_is_told_in_order():
    topic = Topic()
    to = publisher(topic)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED, BEGAN)
        tell(to, "a", TERMINATED)
        assert await topic.has_taken(4) == ["a Running", "a Completed", "a Running", "a Terminated"]


async def test_changes_are_told_from_any_thread():
    topic = Topic()
    to = publisher(topic)
    async with to.running():
        await asyncio.to_thread(tell, to, "a", BEGAN)
        assert await topic.has_taken(1) == ["a Running"]


async def test_only_the_types_that_were_asked_for_are_told():
    topic = Topic()
    to = publisher(topic, event_types=frozenset({"Started", "Failed"}))
    async with to.running():
        tell(to, "a", COMPLETED, BEGAN, TERMINATED, FAILED)
    assert topic.taken == ["a Running", "a Failed"]


async def test_what_may_help_is_tried_again_with_the_same_event():
    topic, clock = Topic(), PausesEndAtOnce()
    topic.answer = refusing(2)
    to = publisher(topic, clock, retry_count=2, retry_interval=timedelta(seconds=7))
    async with to.running():
        tell(to, "a", BEGAN)
        await topic.has_taken(1)
    assert len({event["id"] for event in topic.posts}) == 1
    assert (len(topic.posts), clock.pauses) == (3, [7, 7])


async def test_after_the_last_try_a_loss_is_logged_and_the_next_is_told(caplog: pytest.LogCaptureFixture):
    topic = Topic()
    topic.answer = refusing(2)
    to = publisher(topic, PausesEndAtOnce(), retry_count=1)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
        assert await topic.has_taken(1) == ["a Completed"]
    (record,) = caplog.records
    assert record.message == (
        "Life-cycle notification 'Running' of instance 'a' was not delivered: answered with status 503"
    )


async def test_a_refusal_that_is_final_is_not_tried_again():
    topic, clock = Topic(), PausesEndAtOnce()
    topic.answer = refusing(1, again=False)
    to = publisher(topic, clock, retry_count=5)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
        assert await topic.has_taken(1) == ["a Completed"]
    assert clock.pauses == []


async def test_an_instance_whose_notifications_hang_does_not_hold_up_the_others():
    topic = Topic()
    topic.answer = lambda label: asyncio.Event().wait() if label.startswith("a") else None
    to = publisher(topic, drain_s=0)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
        tell(to, "b", BEGAN, COMPLETED)
        assert await topic.has_taken(2) == ["b Running", "b Completed"]


async def test_beyond_the_bound_they_are_dropped_and_counted(caplog: pytest.LogCaptureFixture):
    topic, go = Topic(), asyncio.Event()
    topic.answer = lambda label: go.wait()
    to = publisher(topic, capacity=2)
    async with to.running():
        for number in range(5):
            tell(to, str(number), BEGAN)
        # Handed over in the order of the calls: what comes after them finds them there.
        asyncio.get_running_loop().call_soon(go.set)
        await topic.has_taken(2)
    assert [record.getMessage() for record in caplog.records] == [
        "Life-cycle notifications are dropped: 2 of them wait already",
        "3 life-cycle notifications were dropped",
    ]


async def test_the_end_waits_for_what_is_on_its_way():
    topic, go = Topic(), asyncio.Event()
    topic.answer = lambda label: go.wait()
    to = publisher(topic)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
        asyncio.get_running_loop().call_soon(go.set)
    assert topic.taken == ["a Running", "a Completed"]


async def test_the_end_waits_for_what_comes_while_it_waits():
    topic, go = Topic(), asyncio.Event()
    to = publisher(topic)

    def answer(label: str) -> Any:
        if label == "a Completed":
            tell(to, "b", BEGAN)
            asyncio.get_running_loop().call_soon(go.set)
            return go.wait()
        return asyncio.sleep(0)

    topic.answer = answer
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
    assert topic.taken == ["a Running", "a Completed", "b Running"]


async def test_a_pause_ends_with_the_host_and_is_followed_by_one_last_try(caplog: pytest.LogCaptureFixture):
    topic, refused = Topic(), asyncio.Event()

    def answer(label: str) -> None:
        refused.set()
        raise NotTaken("answered with status 503", again=True)

    topic.answer = answer
    to = publisher(topic, retry_count=9, retry_interval=timedelta(hours=1))
    async with to.running():
        tell(to, "a", BEGAN)
        await refused.wait()
    assert len(topic.posts) == 2
    assert len(caplog.records) == 1


async def test_what_hangs_at_the_end_is_given_up_and_counted(caplog: pytest.LogCaptureFixture):
    topic = Topic()
    topic.answer = lambda label: asyncio.Event().wait()
    to = publisher(topic, drain_s=0)
    async with to.running():
        tell(to, "a", BEGAN, COMPLETED)
    assert [record.message for record in caplog.records] == [
        "2 life-cycle notifications were not delivered before the host stopped"
    ]


async def test_a_topic_that_breaks_keeps_nothing_else_from_being_told(caplog: pytest.LogCaptureFixture):
    topic = Topic()

    def answer(label: str) -> None:
        if label == "a Running":
            raise ValueError("a mistake of ours")

    topic.answer = answer
    to = publisher(topic)
    with caplog.at_level(logging.ERROR):
        async with to.running():
            tell(to, "a", BEGAN, COMPLETED)
    assert topic.taken == ["a Completed"]
    assert caplog.records[0].exc_info is not None


async def test_a_change_after_the_end_is_not_told():
    topic = Topic()
    to = publisher(topic)
    async with to.running():
        pass
    tell(to, "a", BEGAN)
    await asyncio.sleep(0)
    assert topic.posts == []
