"""Drives a task hub: episodes and activities, on threads, as they come.

The thread of a finished activity runs the waiting episode itself and hands its outcome to the hub; what
becomes ready by the commit goes to queues. A few reserved episode threads keep orchestrators moving when
user code blocks every activity thread. The event loop only fetches work and runs asynchronous user code.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from funchost.clock import Clock
from funchost.durable.events import HistoryEvent
from funchost.durable.execution import Execution
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import (
    ActivityWork,
    AnswerTaken,
    Committed,
    Episode,
    HubWorker,
    Lost,
    Received,
    Restart,
    Revoked,
    Session,
    Settled,
    Snapshot,
    TaskHub,
)
from funchost.taskhub.outcomes import damaged
from funchost.taskhub.worker import activity as activities
from funchost.taskhub.worker.activity import Activity
from funchost.taskhub.worker.advance import Advance, Engine, advance
from funchost.taskhub.worker.held_answers import HeldAnswers
from funchost.taskhub.worker.live import Answer, LiveInstance
from funchost.taskhub.worker.memory import LiveInstances
from funchost.taskhub.worker.slots import ActivitySlots, Threads

__all__ = ["EpisodeLog", "Limits", "OrchestrationWorker", "Threads"]

logger = logging.getLogger(__name__)


class EpisodeLog(Protocol):
    """Told what orchestrators did, once it is durable, on any thread; must be quick."""

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """``claim_ahead`` bounds the activities claimed for this worker beyond those that run.

    ``keep_code``: extended sessions; suspended code stays so long for the next episode. None: it is closed
    after each.
    """

    activities: int = 20
    episodes: int = 20
    claim_ahead: int = 80
    events_in_memory: int = 400_000
    keep_code: timedelta | None = None


class OrchestrationWorker:
    """Works on a hub while :meth:`run` runs.

    ``user_threads`` run synchronous activities, ``episode_threads`` episodes that no activity's thread can run.
    """

    def __init__(
        self,
        hub: TaskHub,
        worker: WorkerId,
        engine: Engine,
        functions: Mapping[str, Activity],
        *,
        user_threads: Threads,
        episode_threads: Threads,
        clock: Clock,
        limits: Limits,
        log: EpisodeLog,
        drain_timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._taskhub = hub
        self._worker = worker
        self._engine = engine
        self._functions = functions
        self._episode_threads = episode_threads
        self._clock = clock
        self._limits = limits
        self._log = log
        self._drain_timeout = drain_timeout
        self._live = LiveInstances(limits.events_in_memory)
        self._busy: set[LiveInstance] = set()
        self._slots = ActivitySlots(limits.activities, user_threads, self._start_activity, self._signal_capacity)
        self._draining = False
        self._held = HeldAnswers(self._give_alone, clock.monotonic)
        self._loop: asyncio.AbstractEventLoop
        self._hub: HubWorker
        self._capacity = asyncio.Event()
        self._idle = asyncio.Event()
        self._waits_for_capacity = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; then finish what runs, for ``drain_timeout`` at most, and hand over the rest."""
        self._loop = asyncio.get_running_loop()
        async with self._taskhub.work(self._worker) as hub:
            self._hub = hub
            self._held.start()
            started()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._fetch(), name="fetch-work")
                    tasks.create_task(self._forget_idle(), name="forget-idle-instances")
            finally:
                await self._drain()

    # --- fetching --------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        while True:
            for work in await self._take(*await self._free()):
                match work:
                    case Episode(damage=str(damage)):
                        self._fail_damaged(work, damage)
                    case Episode():
                        if not self._received(work):
                            await self._hub.abandon(work, delay=timedelta(), why="its session was forgotten")
                    case ActivityWork():
                        self._slots.add([work])
                    case Revoked():
                        self._forget(work.instance)

    async def _free(self) -> tuple[int, int]:
        """How many episodes and activities may be taken; waits until there is room for either.

        Activities that fill every slot and the queue must not keep orchestrations from what arrives for them.
        """
        while True:
            self._capacity.clear()
            self._waits_for_capacity = True
            episodes = self._limits.episodes - len(self._busy)
            slots = self._slots.room + self._limits.claim_ahead // 2
            if episodes > 0 or slots > 0:
                self._waits_for_capacity = episodes <= 0 or slots <= 0
                return max(0, episodes), max(0, slots)
            await self._capacity.wait()

    async def _take(self, episodes: int, slots: int) -> Sequence[Episode | ActivityWork | Revoked]:
        """What comes within that room; nothing, when there is more room before anything has come."""
        if episodes and slots:
            return await self._hub.take(episodes=episodes, activities=slots)
        take = asyncio.ensure_future(self._hub.take(episodes=episodes, activities=slots))
        more = asyncio.create_task(self._capacity.wait())
        try:
            await asyncio.wait((take, more), return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()
            take.cancel()
        await asyncio.wait((take,))
        return () if take.cancelled() else take.result()

    def _signal_capacity(self) -> None:
        if self._waits_for_capacity or self._draining:
            self._waits_for_capacity = False
            self._call_on_loop(self._capacity.set)
            if self._draining:
                self._call_on_loop(self._idle.set)

    def _call_on_loop(self, callback: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            self._loop.call_soon_threadsafe(callback)

    def _received(self, episode: Episode) -> bool:
        """Messages for an instance: to the episode that runs, or to a thread that runs one.

        False: they need the past, which went out of memory while they were on their way.
        """
        live = self._live.receiving(episode)
        if live is None:
            return False
        with live.lock:
            if live.over:
                return False
            live.inbox.extend(episode.messages)
            mine = self._makes_busy(live)
        if mine:
            self._run_soon(live)
        return True

    def _makes_busy(self, live: LiveInstance) -> bool:
        """With its lock held: True when it was idle, and the caller has to run its episode."""
        if live.busy:
            return False
        live.busy = True
        self._busy.add(live)
        return True

    def _makes_idle(self, live: LiveInstance) -> bool:
        """With its lock held: False when more has come for it, and the caller has to run the next episode."""
        if live.inbox or live.answers:
            return False
        live.busy = False
        self._busy.discard(live)
        return True

    def _drop(self, live: LiveInstance) -> None:
        """It is over, or somebody else's."""
        self._live.drop(live)
        self._busy.discard(live)

    def _fail_damaged(self, episode: Episode, damage: str) -> None:
        """Nothing can be run on a past or on messages that cannot be read; waiting would mend neither."""
        instance, past = episode.session.instance, episode.session.past
        assert not isinstance(past, Snapshot)
        # In the text too: the console of a person shows nothing else.
        logger.error("Instance '%s' is damaged, and fails: %s", instance, damage, extra={"instance_id": instance})
        if past is None:
            live = self._live.get(instance)
            past = () if live is None else tuple(live.past)
        # An episode of it that is being committed is the last one, or refused.
        self._forget(instance)
        outcome = damaged([*past, *(m.event for m in episode.messages)], damage, self._clock.now())
        self._episode_threads.submit(lambda: self._hub.commit(episode, outcome, _nothing_follows))

    def _forget(self, instance: InstanceId) -> None:
        live = self._live.pop(instance)
        if live is not None and not live.busy:
            self._close_code(live.engine)

    # --- activities ------------------------------------------------------------------------------

    def _start_activity(self, work: ActivityWork) -> bool:
        """False: it runs on the loop, and keeps its slot."""
        function = self._functions.get(work.name.lower())
        if function is None:
            self._answered(work, activities.missing(work, self._clock.now()))
        elif function.is_async:
            self._call_on_loop(lambda: self._spawn(self._run_async(function, work)))
            return False
        else:
            self._answered(work, activities.run(function, work, self._clock.now))
        return True

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_async(self, function: Activity, work: ActivityWork) -> None:
        event: HistoryEvent
        try:
            value = await function.call_async(activities.argument(work), work)
            event = activities.completed(work, value, self._clock.now())
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return  # not an answer: another worker runs it again
            event = activities.failed(function.name, work, exc, self._clock.now())
        self._episode_threads.submit(lambda: self._finish_async(work, event))

    def _finish_async(self, work: ActivityWork, event: HistoryEvent) -> None:
        self._answered(work, event)
        self._slots.give_back()

    def _answered(self, work: ActivityWork, event: HistoryEvent) -> None:
        """Hand an answer to the waiting episode and run it here, or make it durable by itself."""
        mine = False
        live = self._live.get(work.instance)
        if live is not None:
            with live.lock:
                if live.execution == work.execution and not live.over and not self._draining:
                    live.answers.append(Answer(work, event))
                    mine = self._makes_busy(live)
                else:
                    live = None
        if live is None:
            self._hub.answer(work, event, _nobody_waits)
        elif mine:
            self._run_episode(live)

    def _give_alone(self, live: LiveInstance, running: list[Answer]) -> None:
        """The episode takes its time: make every answer that is held for it durable now."""
        with live.lock:
            waiting, live.answers = live.answers, []
            answers = [a for a in (*running, *waiting) if not a.given]
            for answer in answers:
                answer.given = True
        for answer in answers:
            self._hub.answer(answer.work, answer.event, _nobody_waits)

    # --- episodes --------------------------------------------------------------------------------

    def _run_soon(self, live: LiveInstance) -> None:
        """The next episode of a busy instance, on a thread for episodes as soon as one is free."""
        self._held.episode_waits(live)
        self._episode_threads.submit(lambda: self._run_episode(live))

    def _run_episode(self, live: LiveInstance) -> None:
        """One episode of a busy instance, on this thread, up to its submission."""
        with live.lock:
            messages, live.inbox = live.inbox, []
            answers, live.answers = live.answers, []
        started = self._clock.monotonic()
        self._held.episode_begins(live, answers)
        try:
            received = [a.event for a in answers] + [m.event for m in messages]
            result = advance(live, received, self._clock.now(), self._engine)
        except BaseException as exc:  # noqa: BLE001 - a mistake of ours must not take the thread down
            self._episode_broke(live, messages, answers, exc)
            return
        finally:
            self._held.episode_ends(live)
        if not self._keeps(result):
            result.engine.close()
        fused = tuple((a.work, a.event) for a in answers)
        took_s = self._clock.monotonic() - started
        outcome = result.outcome_with(fused, run_here=self._limits.claim_ahead)
        episode = Episode(Session(live.instance, live.execution, live.token, ()), messages)

        def then(settled: Settled) -> None:
            if isinstance(settled, Committed):
                self._log.ran(live.instance, result, took_s)
            self._settled(live, result, messages, answers, settled)

        self._hub.commit(episode, outcome, then)

    def _keeps(self, result: Advance) -> bool:
        return self._limits.keep_code is not None and result.ended is None and result.engine.may_be_kept

    def _close_code(self, *engines: Execution | None) -> None:
        """Close suspended code that nobody will resume, on a thread where user code may run."""
        for engine in engines:
            if engine is not None and engine.may_be_kept:
                self._episode_threads.submit(engine.close)

    def _settled(
        self, live: LiveInstance, result: Advance, messages: list[Received], answers: list[Answer], settled: Settled
    ) -> None:
        """The hub's word on an episode; runs on a thread of the hub or on the submitting one."""
        match settled:
            case Committed():
                self._committed(live, result, settled)
            case Lost():
                self._close_code(result.engine)
                self._lost(live, answers)
            case AnswerTaken():
                self._close_code(result.engine)
                self._answers_taken(live, messages, answers, settled.tasks)

    def _committed(self, live: LiveInstance, result: Advance, settled: Committed) -> None:
        with live.lock:
            live.token = settled.token
            live.attempts = 0
            live.used_at = self._clock.monotonic()
            live.engine, live.past = result.engine, result.past
            if isinstance(result.outcome.change, Restart):
                live.execution = result.execution
            live.over = result.ended is not None
            again = not live.over and not self._makes_idle(live)
        if live.over:
            self._over(live, [])
        if settled.activities:
            self._slots.add(settled.activities)
        if again:
            self._run_soon(live)
        else:
            self._signal_capacity()

    def _over(self, live: LiveInstance, answers: list[Answer]) -> None:
        """Nothing of ours counts any more but answers, which the hub may still want, or drops."""
        self._drop(live)
        with live.lock:
            live.over = True
            answers = [*answers, *live.answers]
            live.answers = []
        for answer in answers:
            self._hub.answer(answer.work, answer.event, _nobody_waits)

    def _lost(self, live: LiveInstance, answers: list[Answer]) -> None:
        """Somebody else advanced the instance."""
        self._over(live, answers)
        self._signal_capacity()

    def _answers_taken(
        self, live: LiveInstance, messages: list[Received], answers: list[Answer], taken: frozenset[int]
    ) -> None:
        """Nothing was written: the same episode again without the answers that are history already."""
        with live.lock:
            live.engine = None
            live.inbox = [*messages, *live.inbox]
            live.answers = [a for a in answers if a.work.task not in taken and not a.given] + live.answers
            again = not self._makes_idle(live)
        if again:
            self._run_soon(live)
        else:
            self._signal_capacity()

    def _episode_broke(
        self, live: LiveInstance, messages: list[Received], answers: list[Answer], error: BaseException
    ) -> None:
        """Make the answers durable, give the messages back and start from the store next time."""
        logger.error("an episode could not be run", exc_info=error, extra={"instance_id": live.instance})
        self._give_alone(live, answers)
        self._close_code(live.engine)
        with live.lock:
            live.over = True
            live.attempts += 1
            delay = timedelta(seconds=min(2**live.attempts, 600))
            messages = [*messages, *live.inbox]
        self._drop(live)
        episode = Episode(Session(live.instance, live.execution, live.token, ()), messages, live.attempts)

        async def give_back() -> None:
            await self._hub.abandon(episode, delay=delay, why=str(error))
            await self._hub.release(live.instance)

        self._call_on_loop(lambda: self._spawn(give_back()))
        self._signal_capacity()

    # --- memory and the end ----------------------------------------------------------------------

    async def _forget_idle(self) -> None:
        """Keep what is in memory within its bounds: the longest idle instances go first."""
        while True:
            await self._clock.sleep(5)
            for live in self._live.pop_beyond_the_bound():
                self._close_code(live.engine)
                await self._hub.release(live.instance)
            if self._limits.keep_code is not None:
                unused_since = self._clock.monotonic() - self._limits.keep_code.total_seconds()
                self._close_code(*self._live.take_code_unused_since(unused_since))

    async def _drain(self) -> None:
        """Fetch no more; wait for what runs; what has not begun goes back with the claims of this worker."""
        self._draining = True
        self._slots.close()
        for live in [live for live in self._live.all() if live.answers]:
            await asyncio.to_thread(self._give_alone, live, [])
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_timeout.total_seconds()):
                while self._is_working():
                    self._idle.clear()
                    if self._is_working():
                        await self._idle.wait()
        self._close_code(*self._live.take_code_unused_since(self._clock.monotonic()))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        await asyncio.to_thread(self._held.stop)

    def _is_working(self) -> bool:
        return self._slots.in_use or bool(self._busy)


def _nobody_waits(accepted: bool) -> None:
    """An answer given without an episode: a refused one was given before."""


def _nothing_follows(settled: Settled) -> None:
    """The end of an instance that holds nothing. Where it was refused, the hub hands out what there is now."""
