"""Drives a task hub: episodes and activities, on threads, as they come.

The thread of a finished activity runs the waiting episode itself and hands its outcome to the hub; what
becomes ready by the commit goes to queues. A few reserved episode threads keep orchestrators moving when
user code blocks every activity thread. The event loop only fetches work and runs asynchronous user code.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from funchost.clock import Clock
from funchost.durable.entities.ids import is_entity
from funchost.durable.events import HistoryEvent
from funchost.durable.execution import Execution
from funchost.errors import FunctionTimeout
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.taskhub import (
    ActivityWork,
    AnswerTaken,
    Committed,
    Episode,
    HubWorker,
    Lost,
    Received,
    Revoked,
    Session,
    Settled,
    Snapshot,
    TaskHub,
)
from funchost.taskhub.outcomes import damaged, unreadable
from funchost.taskhub.worker import activity as activities
from funchost.taskhub.worker.activity import Activity, Later
from funchost.taskhub.worker.advance import Advance, Engine, adopt, advance, name_of, timed_out
from funchost.taskhub.worker.entities import EntitySide, EntityWorker
from funchost.taskhub.worker.held_answers import HeldAnswers
from funchost.taskhub.worker.kept_code import KeptCode, KeptCodeLimits
from funchost.taskhub.worker.live import Answer, LiveInstance
from funchost.taskhub.worker.memory import LiveInstances
from funchost.taskhub.worker.slots import ActivitySlots, EpisodeSlots, Threads
from funchost.taskhub.worker.transitions import LifeObserver, Transition, failed_by_host
from funchost.threads import ThreadsClosed
from funchost.time_limit import GRACE_S, GivenUp, TimeLimit

__all__ = ["EntitySide", "EpisodeLog", "KeptCodeLimits", "Limits", "OrchestrationWorker", "Threads"]

logger = logging.getLogger(__name__)

_TIMEOUTS_IN_A_ROW = 3
"""So often an orchestrator may be stopped at its time limit before its instance fails."""


class EpisodeLog(Protocol):
    """Told what orchestrators did, once it is durable, on any thread; must be quick."""

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """``claim_ahead`` bounds the activities claimed for this worker beyond those that run.

    ``function_timeout``: how long an orchestrator may take to its next yield; None: as long as it likes. It gets
    ``timeout_grace_s`` more to end when it is stopped.
    """

    activities: int = 20
    episodes: int = 20
    claim_ahead: int = 80
    events_in_memory: int = 400_000
    kept_code: KeptCodeLimits = field(default_factory=KeptCodeLimits)
    function_timeout: timedelta | None = None
    timeout_grace_s: float = GRACE_S


@dataclass(slots=True)
class _Run:
    """One episode on a thread. ``in_slot``: the thread came from an activity and still has its slot. ``begun``: the
    executions whose code it runs, to be closed when it does not come to its end."""

    live: LiveInstance
    messages: list[Received]
    answers: list[Answer]
    in_slot: bool
    begun: list[Execution]

    @property
    def received(self) -> list[HistoryEvent]:
        return [a.event for a in self.answers] + [m.event for m in self.messages]


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
        entities: EntitySide,
        observer: LifeObserver | None = None,
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
        self._observer = observer
        self._drain_timeout = drain_timeout
        self._live = LiveInstances(limits.events_in_memory)
        self._busy: set[LiveInstance] = set()
        self._slots = ActivitySlots(limits.activities, user_threads, self._start_activity, self._signal_capacity)
        self._draining = False
        # Nothing is handed to the hub any more; threads that still run have been left behind.
        self._left = False
        self._held = HeldAnswers(self._give_alone, clock.monotonic)
        self._kept = KeptCode(limits.kept_code, clock.monotonic)
        self._episodes = EpisodeSlots(limits.episodes, self._run_in_turn, self._held.episode_waits)
        self._time_limit = TimeLimit(limits.function_timeout, clock.monotonic, grace_s=limits.timeout_grace_s)
        self._entities = EntityWorker(
            entities, clock, self._time_limit, give_back=self._give_back_to_hub, idle=self._signal_capacity
        )
        # How often in a row the code of an execution was stopped; what is started anew counts anew.
        self._timeouts = Counter[ExecutionId]()
        self._loop: asyncio.AbstractEventLoop
        self._hub: HubWorker
        self._capacity = asyncio.Event()
        self._idle = asyncio.Event()
        self._waits_for_capacity = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; then finish what runs, for ``drain_timeout`` at most, and hand over the rest."""
        self._loop = asyncio.get_running_loop()
        async with self._taskhub.work(self._worker, unfit=self._engine.settings.left_to_others) as hub:
            self._hub = hub
            self._entities.serve(hub)
            self._held.start()
            self._time_limit.start()
            started()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._fetch(), name="fetch-work")
                    tasks.create_task(self._forget_idle(), name="forget-idle-instances")
            finally:
                await self._drain()

    @property
    def threads_given_up(self) -> int:
        """How many threads hung in calls of orchestrators that could not be ended."""
        return self._time_limit.threads_given_up

    # --- fetching --------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        while True:
            for work in await self._take(*await self._free()):
                match work:
                    case Episode(damage=str(damage)) if not is_entity(work.session.instance):
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
        if is_entity(episode.session.instance):
            return self._entities.receive(episode)
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
        self._kept.drop(live)
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
        received = [message.event for message in episode.messages]
        outcome = damaged([*past, *received], damage, self._clock.now())
        transitions = failed_by_host(past, received, unreadable(damage))

        def then(settled: Settled) -> None:
            # Nothing follows. Where it was refused, the hub hands out what there is now.
            if isinstance(settled, Committed):
                self._tell(instance, name_of(past, received), transitions)

        self._episode_threads.submit(lambda: self._hub.commit(episode, outcome, then))

    def _tell(self, instance: InstanceId, name: str, transitions: Sequence[Transition]) -> None:
        if transitions and self._observer is not None:
            self._observer.changed(instance, name, transitions)

    def _forget(self, instance: InstanceId) -> None:
        if is_entity(instance):
            self._entities.forget(instance)
            return
        live = self._live.pop(instance)
        if live is None:
            return
        self._kept.drop(live)
        self._timeouts.pop(live.execution, None)
        if not live.busy:
            self._close_code(live.engine)

    # --- activities ------------------------------------------------------------------------------

    def _start_activity(self, work: ActivityWork) -> bool:
        """False: it runs on the loop, and keeps its slot; or the slot is somebody else's by now."""
        function = self._functions.get(work.name.lower())
        if function is None:
            return self._answered(work, activities.missing(work, self._clock.now()))
        if function.is_async:
            self._call_on_loop(lambda: self._spawn(self._run_async(function, work)))
            return False
        return self._answered(work, activities.run(function, work, self._clock.now))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_async(self, function: Activity, work: ActivityWork) -> None:
        event: HistoryEvent | None = None
        try:
            value = await function.call_async(activities.argument(work), work)
            if isinstance(value, Later):
                await self._hub.postpone(work, rest=value.rest, delay=value.delay)
            else:
                event = activities.completed(work, value, self._clock.now())
        except BaseException as exc:  # noqa: BLE001 - the border to user code
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return  # not an answer: another worker runs it again
            event = activities.failed(function.name, work, exc, self._clock.now())
        self._episode_threads.submit(lambda: self._finish_async(work, event))

    def _finish_async(self, work: ActivityWork, event: HistoryEvent | None) -> None:
        """``event`` None: it is done for now, and comes again."""
        if event is None or self._answered(work, event):
            self._slots.give_back()

    def _answered(self, work: ActivityWork, event: HistoryEvent) -> bool:
        """Hand an answer to the waiting episode and run it here, or make it durable by itself.

        The caller has a slot of an activity. False: this thread was given up meanwhile, and the slot with it.
        """
        if self._left:
            return True
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
            return self._run_episode(live, in_slot=True)
        return True

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

    def _run_episode(self, live: LiveInstance, *, in_slot: bool = False) -> bool:
        """One episode of a busy instance, on this thread, up to its submission; later, where too many run already.

        ``in_slot``: the caller has a slot of an activity. False: this thread was given up, and its slot with it.
        """
        return self._run_entered(live, in_slot=in_slot) if self._episodes.enter(live) else True

    def _run_in_turn(self, live: LiveInstance) -> None:
        self._episode_threads.submit(lambda: self._run_entered(live))

    def _run_entered(self, live: LiveInstance, *, in_slot: bool = False) -> bool:
        with live.lock:
            run = _Run(live, live.inbox, live.answers, in_slot, [] if live.engine is None else [live.engine])
            live.inbox, live.answers = [], []
        received = run.received
        if not live.name:
            live.name = name_of(live.past, received)
        started = self._clock.monotonic()
        self._held.episode_begins(live, run.answers)
        try:
            result = self._time_limit.call(
                live.name, lambda: self._advance(run, received), lambda timeout: self._given_up(run, timeout)
            )
        except GivenUp:
            self._close_code(*run.begun)
            return False
        except FunctionTimeout as timeout:
            self._leave(run)
            self._close_code(*run.begun)
            self._timed_out(run, timeout)
            return True
        except BaseException as exc:  # noqa: BLE001 - a mistake of ours must not take the thread down
            self._leave(run)
            self._close_code(*run.begun)
            self._episode_broke(run, exc)
            return True
        self._leave(run)
        if not self._left:
            self._commit(run, result, self._clock.monotonic() - started)
        return True

    def _advance(self, run: _Run, received: Sequence[HistoryEvent]) -> Advance:
        """All of an episode that runs user code, the end of what is not kept included."""
        live, started = run.live, self._clock.monotonic()
        check = self._kept.compares(live)
        result = advance(live, received, self._clock.now(), self._engine, check=check, begun=run.begun)
        if not self._kept.keeps(live.instance, result, self._clock.monotonic() - started):
            result.engine.close()
        return result

    def _leave(self, run: _Run) -> None:
        """No user code of this episode runs any more, or none that counts."""
        self._held.episode_ends(run.live)
        self._episodes.leave()

    def _commit(self, run: _Run, result: Advance, took_s: float) -> None:
        live = run.live
        fused = tuple((a.work, a.event) for a in run.answers)
        outcome = result.outcome_with(fused, run_here=self._limits.claim_ahead)
        episode = Episode(Session(live.instance, live.execution, live.token, ()), run.messages)

        def then(settled: Settled) -> None:
            if isinstance(settled, Committed):
                self._log.ran(live.instance, result, took_s)
                self._tell(live.instance, result.name, result.transitions)
            self._settled(run, result, settled)

        self._hub.commit(episode, outcome, then)

    def _close_code(self, *engines: Execution | None) -> None:
        """Close suspended code that nobody will resume, on a thread where user code may run."""
        for engine in engines:
            if engine is not None and engine.has_code:
                with suppress(ThreadsClosed):  # the process is ending
                    self._episode_threads.submit(partial(self._close, engine))

    def _close(self, engine: Execution) -> None:
        try:
            self._time_limit.call(engine.name, engine.close, lambda timeout: None)
        except GivenUp:
            pass  # it was told of
        except FunctionTimeout as timeout:
            logger.warning("%s, while it was closed, at %s", timeout.text, timeout.place)

    def _settled(self, run: _Run, result: Advance, settled: Settled) -> None:
        """The hub's word on an episode; runs on a thread of the hub or on the submitting one."""
        match settled:
            case Committed():
                self._committed(run.live, result, settled)
            case Lost():
                self._close_code(result.engine)
                self._lost(run.live, run.answers)
            case AnswerTaken():
                self._close_code(result.engine)
                self._answers_taken(run, settled.tasks)

    def _committed(self, live: LiveInstance, result: Advance, settled: Committed) -> None:
        if self._timeouts:
            self._timeouts.pop(live.execution, None)
        with live.lock:
            live.token = settled.token
            live.attempts = 0
            live.used_at = self._clock.monotonic()
            adopt(live, result)
            live.over = result.ended is not None
        if live.over:
            self._over(live, [])
        elif self._kept.on:
            self._close_code(self._kept.used(live))
        with live.lock:
            again = not live.over and not self._makes_idle(live)
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
        self._timeouts.pop(live.execution, None)
        self._over(live, answers)
        self._signal_capacity()

    def _answers_taken(self, run: _Run, taken: frozenset[int]) -> None:
        """Nothing was written: the same episode again without the answers that are history already."""
        live = run.live
        with live.lock:
            live.engine = None
            live.inbox = [*run.messages, *live.inbox]
            live.answers = [a for a in run.answers if a.work.task not in taken and not a.given] + live.answers
            again = not self._makes_idle(live)
        if again:
            self._run_soon(live)
        else:
            self._signal_capacity()

    # --- episodes that do not come to their end ---------------------------------------------------

    def _given_up(self, run: _Run, timeout: FunctionTimeout) -> None:
        """The thread of an episode hangs, and nothing that it may still do counts; called by who watches it."""

        def take_over() -> None:
            self._leave(run)
            if run.in_slot:
                self._slots.give_back()
            self._timed_out(run, timeout)

        self._episode_threads.submit(take_over)

    def _timed_out(self, run: _Run, timeout: FunctionTimeout) -> None:
        """The code has not come to its next yield: again from the store after a while, or never again."""
        live = run.live
        self._give_alone(live, run.answers)
        self._timeouts[live.execution] += 1
        times = self._timeouts[live.execution]
        logger.error(
            "Orchestrator '%s' of '%s' did not yield in time (%d of %d times in a row), and was stopped at %s: %s",
            live.instance,
            live.name,
            times,
            _TIMEOUTS_IN_A_ROW,
            timeout.place,
            timeout.text,
            extra={"instance_id": live.instance},
        )
        if times < _TIMEOUTS_IN_A_ROW:
            self._give_back(live, run.messages, str(timeout))
            return
        run.answers = []
        result = timed_out(live, run.received, self._clock.now(), self._engine, timeout.text)
        self._commit(run, result, 0.0)

    def _episode_broke(self, run: _Run, error: BaseException) -> None:
        """Make the answers durable, give the messages back and start from the store next time."""
        logger.error("an episode could not be run", exc_info=error, extra={"instance_id": run.live.instance})
        self._give_alone(run.live, run.answers)
        self._give_back(run.live, run.messages, str(error))

    def _give_back(self, live: LiveInstance, messages: list[Received], why: str) -> None:
        """Wait the longer the more often it has happened."""
        with live.lock:
            live.over = True
            live.attempts += 1
            delay = timedelta(seconds=min(2**live.attempts, 600))
            messages = [*messages, *live.inbox]
        self._drop(live)
        self._give_back_to_hub(
            Episode(Session(live.instance, live.execution, live.token, ()), messages, live.attempts), delay, why
        )
        self._signal_capacity()

    def _give_back_to_hub(self, episode: Episode, delay: timedelta, why: str) -> None:
        async def give_back() -> None:
            await self._hub.abandon(episode, delay=delay, why=why)
            await self._hub.release(episode.session.instance)

        self._call_on_loop(lambda: self._spawn(give_back()))

    # --- memory and the end ----------------------------------------------------------------------

    async def _forget_idle(self) -> None:
        """Keep what is in memory within its bounds: the longest idle instances go first."""
        while True:
            await self._clock.sleep(5)
            for live in self._live.pop_beyond_the_bound():
                self._kept.drop(live)
                self._close_code(live.engine)
                await self._hub.release(live.instance)
            for instance in self._entities.pop_beyond_the_bound():
                await self._hub.release(instance)
            if self._kept.on:
                self._close_code(*self._kept.take_idle())

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
        self._close_code(*self._kept.take_all())
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        await asyncio.to_thread(self._held.stop)
        await asyncio.to_thread(self._time_limit.stop)
        self._left = True

    def _is_working(self) -> bool:
        return self._slots.in_use or bool(self._busy) or self._entities.in_use


def _nobody_waits(accepted: bool) -> None:
    """An answer given without an episode: a refused one was given before."""
