"""Runs activities: blocking ones on the threads of their slots, others on the event loop."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from funchost.clock import Clock
from funchost.durable.events import HistoryEvent
from funchost.taskhub import ActivityWork, HubWorker
from funchost.taskhub.worker import activity as one
from funchost.taskhub.worker.activity import Activity, Later
from funchost.taskhub.worker.errands import Errands
from funchost.taskhub.worker.slots import ActivitySlots, Threads

__all__ = ["Activities"]

logger = logging.getLogger(__name__)


class Activities:
    """``answered`` gets each answer, on the thread that it came up on; False: that thread was given up, and the slot
    with it. ``answer_threads`` run it for what ran on the loop; ``freed`` is told when a slot stays empty.
    """

    def __init__(
        self,
        functions: Mapping[str, Activity],
        slots: int,
        *,
        threads: Threads,
        answer_threads: Threads,
        clock: Clock,
        answered: Callable[[ActivityWork, HistoryEvent], bool],
        freed: Callable[[], None],
    ) -> None:
        self.slots = ActivitySlots(slots, threads, self._start, freed)
        self._functions = functions
        self._answer_threads = answer_threads
        self._clock = clock
        self._answered = answered
        self._hub: HubWorker
        self._errands: Errands

    def serve(self, hub: HubWorker, errands: Errands) -> None:
        """From here on for this hub."""
        self._hub, self._errands = hub, errands

    def _start(self, work: ActivityWork) -> bool:
        """False: it runs on the loop, and keeps its slot; or the slot is somebody else's by now."""
        function = self._functions.get(work.name.lower())
        if function is None:
            return self._answered(work, one.missing(work, self._clock.now()))
        if function.is_async:
            self._errands.run(lambda: self._run_on_loop(function, work))
            return False
        return self._answered(work, one.run(function, work, self._clock.now))

    async def _run_on_loop(self, function: Activity, work: ActivityWork) -> None:
        event: HistoryEvent | Later
        try:
            value = await function.call_async(one.argument(work), work)
            event = value if isinstance(value, Later) else one.completed(work, value, self._clock.now())
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return  # not an answer: another worker runs it again
            event = one.failed(function.name, work, exc, self._clock.now())
        if isinstance(event, Later):
            try:
                await self._put_off(work, event)
            finally:
                self.slots.give_back()
        else:
            self._answer_threads.submit(lambda: self._finish(work, event))

    async def _put_off(self, work: ActivityWork, later: Later) -> None:
        """Where the store does not take it, the whole of it is done again: that is no failure of the author's."""
        try:
            await self._hub.postpone(work, rest=later.rest, delay=later.delay)
        except Exception as exc:
            logger.exception("the rest of an activity could not be put off", extra={"instance_id": work.instance})
            await self._hub.abandon(work, delay=later.delay, why=str(exc))

    def _finish(self, work: ActivityWork, event: HistoryEvent) -> None:
        keeps = True
        try:
            keeps = self._answered(work, event)
        finally:
            if keeps:
                self.slots.give_back()
