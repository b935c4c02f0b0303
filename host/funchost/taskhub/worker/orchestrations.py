"""Drives orchestrations: one episode of an instance after the other, many instances at once.

The thread of a finished activity runs the waiting episode itself and hands its outcome to the hub; what becomes ready
by the commit goes to queues. A few reserved episode threads keep orchestrators moving when user code blocks every
activity thread.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

from funchost.clock import Clock
from funchost.durable.events import HistoryEvent
from funchost.durable.execution import Execution
from funchost.durable.texts import error_text
from funchost.errors import FunctionTimeout
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import (
    ENCODING_ERRORS,
    ActivityWork,
    AnswerTaken,
    Committed,
    Episode,
    HubWorker,
    Lost,
    Received,
    Session,
    Settled,
    Snapshot,
)
from funchost.taskhub.outcomes import damaged, unreadable
from funchost.taskhub.worker.advance import Advance, Engine, adopt, advance, failed_outright, name_of
from funchost.taskhub.worker.held_answers import HeldAnswers
from funchost.taskhub.worker.kept_code import KeptCode
from funchost.taskhub.worker.limits import Limits, Phase
from funchost.taskhub.worker.live import Answer, LiveInstance
from funchost.taskhub.worker.memory import LiveInstances
from funchost.taskhub.worker.slots import ActivitySlots, EpisodeSlots, Threads
from funchost.taskhub.worker.transitions import LifeObserver, Transition, failed_by_host
from funchost.threads import ThreadsClosed
from funchost.time_limit import GivenUp, TimeLimit

__all__ = ["EpisodeLog", "Orchestrations"]

logger = logging.getLogger(__name__)

_TIMEOUTS_IN_A_ROW = 3
"""So often an orchestrator may be stopped at its time limit before its instance fails."""


class EpisodeLog(Protocol):
    """Told what orchestrators did, once it is durable, on any thread; must be quick."""

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None: ...


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


class Orchestrations:
    """Takes the episodes of orchestrations that the worker of a hub is handed, and the answers of its activities.

    ``threads`` run the episodes that no activity's thread can run. ``give_back`` hands an episode and its session back
    to the hub, after a delay; ``idle`` is told when an episode is done and no other follows it. Methods may be called
    on any thread.
    """

    def __init__(
        self,
        engine: Engine,
        threads: Threads,
        clock: Clock,
        limits: Limits,
        time_limit: TimeLimit,
        phase: Phase,
        *,
        log: EpisodeLog,
        observer: LifeObserver | None,
        give_back: Callable[[Episode, timedelta, str], None],
        idle: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.log = log
        self.observer = observer
        self.live = LiveInstances(limits.events_in_memory)
        self._threads = threads
        self._clock = clock
        self._claim_ahead = limits.claim_ahead
        self._time_limit = time_limit
        self._phase = phase
        self._give_back_to_hub = give_back
        self._idle = idle
        self._busy: set[LiveInstance] = set()
        self._held = HeldAnswers(self._give_alone, clock.monotonic)
        self._kept = KeptCode(limits.kept_code, clock.monotonic)
        self._episodes = EpisodeSlots(limits.episodes, self._run_in_turn, self._held.episode_waits)
        # How often in a row the code of an execution was stopped; what is started anew counts anew.
        self._timeouts = Counter[ExecutionId]()
        self._hub: HubWorker
        self._slots: ActivitySlots

    def serve(self, hub: HubWorker, slots: ActivitySlots) -> None:
        """From here on for this hub; the activities that it lets begin go to ``slots``."""
        self._hub, self._slots = hub, slots
        self._held.start()

    @property
    def busy(self) -> int:
        """How many instances have an episode that runs or is being committed."""
        return len(self._busy)

    def receive(self, episode: Episode) -> bool:
        """Messages for an instance: to the episode that runs, or to a thread that runs one.

        False: they need the past, which went out of memory while they were on their way.
        """
        if episode.damage is not None:
            self._fail_damaged(episode, episode.damage)
            return True
        live = self.live.receiving(episode)
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
        self.live.drop(live)
        self._kept.drop(live)
        self._busy.discard(live)

    def _fail_damaged(self, episode: Episode, damage: str) -> None:
        """Nothing can be run on a past or on messages that cannot be read; waiting would mend neither."""
        instance, past = episode.session.instance, episode.session.past
        assert not isinstance(past, Snapshot)
        # In the text too: the console of a person shows nothing else.
        logger.error("Instance '%s' is damaged, and fails: %s", instance, damage, extra={"instance_id": instance})
        if past is None:
            live = self.live.get(instance)
            past = () if live is None else tuple(live.past)
        # An episode of it that is being committed is the last one, or refused.
        self.forget(instance)
        received = [message.event for message in episode.messages]
        outcome = damaged([*past, *received], damage, self._clock.now())
        transitions = failed_by_host(past, received, unreadable(damage))

        def then(settled: Settled) -> None:
            # Nothing follows. Where it was refused, the hub hands out what there is now.
            if isinstance(settled, Committed):
                self._tell(instance, name_of(past, received), transitions)

        self._threads.submit(lambda: self._hub.commit(episode, outcome, then))

    def _tell(self, instance: InstanceId, name: str, transitions: Sequence[Transition]) -> None:
        if transitions and self.observer is not None:
            self.observer.changed(instance, name, transitions)

    def forget(self, instance: InstanceId) -> None:
        """It is somebody else's now."""
        live = self.live.pop(instance)
        if live is None:
            return
        self._kept.drop(live)
        self._timeouts.pop(live.execution, None)
        with live.lock:
            # An answer that has found it just now must not resume what is closed here.
            live.over = True
            busy = live.busy
        if not busy:
            self._close_code(live.engine)

    def answered(self, work: ActivityWork, event: HistoryEvent) -> bool:
        """Hand an answer to the waiting episode and run it here, or make it durable by itself.

        The caller has a slot of an activity. False: this thread was given up meanwhile, and the slot with it.
        """
        if self._phase.left:
            return True
        mine = False
        live = self.live.get(work.instance)
        if live is not None:
            with live.lock:
                if live.execution == work.execution and not live.over and not self._phase.draining:
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
        self._threads.submit(lambda: self._run_episode(live))

    def _run_episode(self, live: LiveInstance, *, in_slot: bool = False) -> bool:
        """One episode of a busy instance, on this thread, up to its submission; later, where too many run already.

        ``in_slot``: the caller has a slot of an activity. False: this thread was given up, and its slot with it.
        """
        return self._run_entered(live, in_slot=in_slot) if self._episodes.enter(live) else True

    def _run_in_turn(self, live: LiveInstance) -> None:
        self._threads.submit(lambda: self._run_entered(live))

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
        if not self._phase.left:
            self._commit(run, result, self._clock.monotonic() - started)
        return True

    def _advance(self, run: _Run, received: Sequence[HistoryEvent]) -> Advance:
        """All of an episode that runs user code, the end of what is not kept included."""
        live, started = run.live, self._clock.monotonic()
        check = self._kept.compares(live)
        result = advance(live, received, self._clock.now(), self.engine, check=check, begun=run.begun)
        if not self._kept.keeps(live.instance, result, self._clock.monotonic() - started):
            result.engine.close()
        return result

    def _leave(self, run: _Run) -> None:
        """No user code of this episode runs any more, or none that counts."""
        self._held.episode_ends(run.live)
        self._episodes.leave()

    def _commit(self, run: _Run, result: Advance, took_s: float) -> None:
        try:
            self._submit(run, result, took_s)
        except ENCODING_ERRORS as exc:
            self._close_code(*run.begun)
            problem = f"what it asks for cannot be stored: {error_text(exc)}"
            failure = failed_outright(run.live, run.received, self._clock.now(), self.engine, problem)
            self._submit(run, failure, took_s)

    def _submit(self, run: _Run, result: Advance, took_s: float) -> None:
        live = run.live
        fused = tuple((a.work, a.event) for a in run.answers)
        outcome = result.outcome_with(fused, run_here=self._claim_ahead)
        episode = Episode(Session(live.instance, live.execution, live.token, ()), run.messages)

        def then(settled: Settled) -> None:
            if isinstance(settled, Committed):
                self.log.ran(live.instance, result, took_s)
                self._tell(live.instance, result.name, result.transitions)
            self._settled(run, result, settled)

        self._hub.commit(episode, outcome, then)

    def _close_code(self, *engines: Execution | None) -> None:
        """Close suspended code that nobody will resume, on a thread where user code may run."""
        for engine in engines:
            if engine is not None and engine.has_code:
                with suppress(ThreadsClosed):  # the process is ending
                    self._threads.submit(partial(self._close, engine))

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
            live.over = live.over or result.ended is not None
        if self._kept.on and not live.over:
            self._close_code(self._kept.used(live))
        with live.lock:
            over = live.over
            again = not over and not self._makes_idle(live)
        if over:
            self._over(live, [])
            self._close_code(live.engine)  # it was forgotten meanwhile
        if settled.activities:
            self._slots.add(settled.activities)
        if again:
            self._run_soon(live)
        else:
            self._idle()

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
        self._idle()

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
            self._idle()

    # --- episodes that do not come to their end ---------------------------------------------------

    def _given_up(self, run: _Run, timeout: FunctionTimeout) -> None:
        """The thread of an episode hangs, and nothing that it may still do counts; called by who watches it."""

        def take_over() -> None:
            self._leave(run)
            if run.in_slot:
                self._slots.give_back()
            self._timed_out(run, timeout)

        self._threads.submit(take_over)

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
        result = failed_outright(live, run.received, self._clock.now(), self.engine, timeout.text)
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
        self._idle()

    # --- memory and the end ----------------------------------------------------------------------

    def pop_beyond_the_bound(self) -> list[InstanceId]:
        """Forget the longest idle ones, once they are too many; and code that was kept for long enough."""
        gone = self.live.pop_beyond_the_bound()
        for live in gone:
            self._kept.drop(live)
            self._close_code(live.engine)
        if self._kept.on:
            self._close_code(*self._kept.take_idle())
        return [live.instance for live in gone]

    def give_all_alone(self) -> None:
        """Make all answers durable that are held for an episode. Blocks."""
        for live in self.live.all():
            if live.answers:
                self._give_alone(live, [])

    def close_kept_code(self) -> None:
        self._close_code(*self._kept.take_all())

    def stop(self) -> None:
        """Hold no answers any more. Blocks."""
        self._held.stop()


def _nobody_waits(accepted: bool) -> None:
    """An answer given without an episode: a refused one was given before."""
