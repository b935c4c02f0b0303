"""Tells a topic of lives, beside the work: orchestrations never wait for it, nor fail because of it.

Notifications of one instance go out in their order, each after the one before it has been taken or given up;
those of different instances do not wait for each other. All of them are in memory only: what a process has
not delivered when it ends is not told, as on the reference host.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from funchost.clock import Clock
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.notifications.notification import Notification, event_body
from funchost.notifications.topic import NotTaken, Topic
from funchost.taskhub.worker.transitions import Transition

__all__ = ["Publisher"]

logger = logging.getLogger(__name__)

_POSTS_AT_ONCE = 8
_CAPACITY = 10_000
_DRAIN_S = 2.0
"""Less than what the parent grants a worker beyond its own drain."""

_STATUSES = {
    "Started": RuntimeStatus.RUNNING,
    "Completed": RuntimeStatus.COMPLETED,
    "Failed": RuntimeStatus.FAILED,
    "Terminated": RuntimeStatus.TERMINATED,
}


class Publisher:
    """A LifeObserver that posts to ``topic`` while :meth:`running` is entered.

    ``event_types`` as host.json names them; empty: all. ``capacity`` bounds how many notifications wait.
    """

    def __init__(
        self,
        topic: Topic,
        hub: str,
        clock: Clock,
        *,
        event_types: frozenset[str] = frozenset(),
        retry_count: int = 0,
        retry_interval: timedelta = timedelta(minutes=5),
        capacity: int = _CAPACITY,
        drain_s: float = _DRAIN_S,
    ) -> None:
        self._topic = topic
        self._hub = hub
        self._clock = clock
        self._told = frozenset(_STATUSES[name] for name in event_types or _STATUSES)
        self._retry_count = retry_count
        self._retry_interval_s = retry_interval.total_seconds()
        self._capacity = capacity
        self._drain_s = drain_s
        self._waiting: dict[InstanceId, deque[Notification]] = {}
        self._count = 0
        self._dropped = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_POSTS_AT_ONCE)
        self._stopping = asyncio.Event()
        self._ended = False
        self._loop: asyncio.AbstractEventLoop
        self._tasks: asyncio.TaskGroup

    def changed(self, instance: InstanceId, name: str, transitions: Sequence[Transition]) -> None:
        now = self._clock.now()
        told = [
            Notification(self._hub, name, instance, transition.status, transition.reason, now)
            for transition in transitions
            if transition.status in self._told
        ]
        if told:
            with suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._accept, told)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Leaving gives what still waits a short while, and no pause between two tries any more."""
        self._loop = asyncio.get_running_loop()
        async with self._topic, asyncio.TaskGroup() as self._tasks:
            try:
                yield
            finally:
                await self._drain()

    def _accept(self, told: Sequence[Notification]) -> None:
        if self._ended:  # code that was given up at the stop came to an end after all
            return
        for notification in told:
            if self._count >= self._capacity:
                self._drop()
                continue
            self._count += 1
            waiting = self._waiting.get(notification.instance)
            if waiting is not None:
                waiting.append(notification)
                continue
            self._waiting[notification.instance] = waiting = deque([notification])
            task = self._tasks.create_task(self._tell_all(notification.instance, waiting), name="notify")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _drop(self) -> None:
        if not self._dropped:
            logger.warning("Life-cycle notifications are dropped: %d of them wait already", self._capacity)
        self._dropped += 1

    def _count_dropped(self) -> None:
        if self._dropped:
            logger.warning("%d life-cycle notifications were dropped", self._dropped)
            self._dropped = 0

    async def _tell_all(self, instance: InstanceId, waiting: deque[Notification]) -> None:
        """Of one instance, until none is left; who is appended meanwhile is told too."""
        try:
            while waiting:
                try:
                    await self._tell(waiting[0])
                except Exception:
                    logger.exception("a life-cycle notification could not be sent")
                waiting.popleft()
                self._count -= 1
                if self._count <= self._capacity // 2:
                    self._count_dropped()
        finally:
            del self._waiting[instance]

    async def _tell(self, notification: Notification) -> None:
        # One body for all tries: by its id a receiver knows what it has seen already.
        body = event_body(notification)
        tries_left = self._retry_count
        while True:
            last = tries_left == 0 or self._stopping.is_set()
            try:
                async with self._slots:
                    return await self._topic.post(body)
            except NotTaken as problem:
                if last or not problem.again:
                    return _log_loss(notification, problem)
            tries_left -= 1
            await self._clock.wait(self._stopping, self._retry_interval_s)

    async def _drain(self) -> None:
        self._stopping.set()
        # What other threads have handed over comes first.
        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                while self._sending:  # more may come while it waits
                    await asyncio.wait(self._sending)
        self._ended = True
        for task in self._sending:
            task.cancel()
        if self._count:
            logger.warning("%d life-cycle notifications were not delivered before the host stopped", self._count)
        self._count_dropped()


def _log_loss(notification: Notification, problem: NotTaken) -> None:
    # In the text too: the console of a person shows nothing else.
    logger.warning(
        "Life-cycle notification '%s' of instance '%s' was not delivered: %s",
        notification.status.value,
        notification.instance,
        problem,
        extra={"instance_id": notification.instance},
    )
