"""Drives the entities of a task hub: one batch of an entity after the other, many entities at once.

An entity's function may do what it likes, blocking calls included, so batches have threads of their own and never
keep an orchestrator waiting. Between batches nothing of an entity is held but its snapshot, up to a bound.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from funchost.clock import Clock
from funchost.durable.entities.batch import BatchEnded, BatchResult, EntityEngine, Operation, all_failed
from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.state import UnreadableState, read_state
from funchost.durable.entities.step import Delivered, EntityStep, conclude, deliver, refuse, run_operations
from funchost.durable.texts import error_text
from funchost.errors import FunctionTimeout
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import (
    ENCODING_ERRORS,
    Committed,
    Episode,
    HubWorker,
    Outcome,
    Received,
    Session,
    Settled,
    Snapshot,
)
from funchost.taskhub.entity_outcomes import outcome_of_refusal, outcome_of_step
from funchost.taskhub.worker.limits import Phase
from funchost.taskhub.worker.slots import Threads
from funchost.threads import ThreadsClosed
from funchost.time_limit import GivenUp, TimeLimit
from funchost.tracebacks import own_traceback

__all__ = ["EntityLog", "EntitySide", "EntityWorker"]

logger = logging.getLogger(__name__)

_MOST_IN_MEMORY = 10_000
_LONGEST_IN_MEMORY = 64 * 1024 * 1024
"""In characters of all snapshots together."""


class EntityLog(Protocol):
    """Told what an entity did, once it is durable, on any thread; must be quick."""

    def ran(self, entity: EntityKey, operations: Sequence[Operation], took_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class EntitySide:
    """What every batch of an app needs. ``variables`` makes the context that user code of an entity runs in;
    ``threads`` run the batches, so many at a time."""

    engine: EntityEngine
    threads: Threads
    log: EntityLog
    variables: Callable[[str, InstanceId], Context]
    new_execution_id: Callable[[], ExecutionId]
    default_version: str = ""


@dataclass(slots=True, eq=False)
class _Live:
    """An entity in memory. ``busy`` while a batch of it runs or is being committed: whoever sets it runs the next."""

    key: EntityKey
    execution: ExecutionId
    token: object
    snapshot: Snapshot
    inbox: list[Received] = field(default_factory=list[Received])
    busy: bool = False
    attempts: int = 0


class EntityWorker:
    """Takes the episodes of entities that the worker of a hub is handed. Methods may be called on any thread.

    ``give_back`` hands an episode and its session back to the hub, after a delay; ``idle`` is told when a batch is
    done and no other follows it.
    """

    def __init__(
        self,
        side: EntitySide,
        clock: Clock,
        time_limit: TimeLimit,
        phase: Phase,
        *,
        give_back: Callable[[Episode, timedelta, str], None],
        idle: Callable[[], None],
    ) -> None:
        self._side = side
        self._clock = clock
        self._time_limit = time_limit
        self._phase = phase
        self._give_back_to_hub = give_back
        self._idle = idle
        self._lock = threading.Lock()
        self._live: OrderedDict[InstanceId, _Live] = OrderedDict()
        self._hub: HubWorker

    def serve(self, hub: HubWorker) -> None:
        """From here on for this hub."""
        self._hub = hub

    @property
    def in_use(self) -> bool:
        """A batch runs or is being committed."""
        with self._lock:
            return any(live.busy for live in self._live.values())

    def receive(self, episode: Episode) -> bool:
        """False: the snapshot that its messages need went out of memory while they were on their way."""
        if episode.damage is not None:
            logger.error(
                "a message cannot be read: %s", episode.damage, extra={"instance_id": episode.session.instance}
            )
        with self._lock:
            live = self._receiving(episode.session)
            if live is None:
                return False
            live.attempts = max(live.attempts, episode.attempt - 1)
            live.inbox.extend(episode.messages)
            begins, live.busy = not live.busy, True
        if begins:
            self._run_soon(live)
        return True

    def forget(self, instance: InstanceId) -> None:
        """It is somebody else's now."""
        with self._lock:
            self._live.pop(instance, None)

    def pop_beyond_the_bound(self) -> list[InstanceId]:
        """Forget the longest idle ones, down to three quarters of the bounds, once they are too many."""
        with self._lock:
            count, length = len(self._live), sum(len(live.snapshot.state or "") for live in self._live.values())
            if count <= _MOST_IN_MEMORY and length <= _LONGEST_IN_MEMORY:
                return []
            gone = list[InstanceId]()
            for instance, live in [(i, live) for i, live in self._live.items() if not live.busy]:
                if count <= _MOST_IN_MEMORY * 3 // 4 and length <= _LONGEST_IN_MEMORY * 3 // 4:
                    break
                count, length = count - 1, length - len(live.snapshot.state or "")
                del self._live[instance]
                gone.append(instance)
            return gone

    # --- one batch

    def _run_soon(self, live: _Live) -> None:
        self._submit(live, [], lambda: self._run(live))

    def _submit(self, live: _Live, messages: list[Received], task: Callable[[], None]) -> None:
        try:
            self._side.threads.submit(task)
        except ThreadsClosed:
            self._give_back(live, messages, timedelta(), "the host stops")

    def _run(self, live: _Live) -> None:
        with self._lock:
            messages, live.inbox = live.inbox, []
        self._guarded(live, messages, lambda: self._advance(live, messages))

    def _guarded(self, live: _Live, messages: list[Received], part: Callable[[], None]) -> None:
        """Part of a batch, up to its submission; whatever goes wrong there, the entity does not stay busy."""
        try:
            part()
        except BatchEnded:
            self._give_back(live, messages, timedelta(), "the host stops")
        except BaseException as exc:
            logger.error("a batch could not be run", exc_info=exc, extra={"instance_id": live.key.instance_id})
            self._give_back(live, messages, timedelta(seconds=min(2 ** (live.attempts + 1), 600)), str(exc))

    def _advance(self, live: _Live, messages: list[Received]) -> None:
        started, now = self._clock.monotonic(), self._clock.now()
        try:
            delivered = self._deliver(live, messages, now)
        except UnreadableState as exc:
            logger.error("the entity %s cannot be read: %s", live.key, exc, extra={"instance_id": live.key.instance_id})
            refusal = refuse(live.key, [message.event for message in messages], str(exc))
            self._commit(live, messages, outcome_of_refusal(refusal, live.snapshot, now), None, started)
            return
        self._operate(_Batch(live, messages, delivered, started))

    def _deliver(self, live: _Live, messages: Sequence[Received], now: Instant) -> Delivered:
        received = [message.event for message in messages]
        return deliver(live.key, read_state(live.snapshot.state), received, now, self._side.engine)

    def _operate(self, batch: "_Batch", *, again: int | None = None) -> None:
        """``again``: so many operations had ended before another ran out of time, and are run once more."""
        pace = _Pace(self._clock.monotonic, self._time_limit.limit_s, most=again)
        try:
            result = self._run_operations(batch, pace)
        except GivenUp:
            return  # whoever has given it up goes on
        except FunctionTimeout as timeout:
            self._out_of_time(batch, pace, timeout)
        else:
            self._conclude(batch, result)

    def _run_operations(self, batch: "_Batch", pace: "_Pace") -> BatchResult:
        live, delivered, engine = batch.live, batch.delivered, self._side.engine
        if not delivered.operations:
            return run_operations(delivered, engine)

        def given_up(timeout: FunctionTimeout) -> None:
            def take_over() -> None:
                self._guarded(live, batch.messages, lambda: self._out_of_time(batch, pace, timeout))

            self._submit(live, batch.messages, take_over)

        return self._side.variables(live.key.name, live.key.instance_id).run(
            self._time_limit.call,
            live.key.name,
            lambda: run_operations(delivered, engine, pace.may_begin),
            given_up,
        )

    def _out_of_time(self, batch: "_Batch", pace: "_Pace", timeout: FunctionTimeout) -> None:
        """The operation that ran is the first of the next batch, and has all of the time there; alone, it fails.

        Nobody has noted the state as it was before it. So what had ended is run again up to there.
        """
        if pace.begun > 1 and not pace.repeats:
            self._operate(batch, again=pace.begun - 1)
            return
        delivered = batch.delivered
        traceback = None if timeout.place else own_traceback(timeout)
        failed = all_failed(delivered.operations[: pace.begun], timeout.text, traceback)
        self._conclude(batch, BatchResult(failed, delivered.state.exists, delivered.state.state))

    def _conclude(self, batch: "_Batch", result: BatchResult) -> None:
        try:
            self._commit_step(batch, batch.delivered, result)
        except ENCODING_ERRORS as exc:
            # What was delivered is used up; the same messages give the same again.
            delivered = self._deliver(batch.live, batch.messages, batch.delivered.now)
            error = f"what the entity {batch.live.key} sends cannot be stored: {error_text(exc)}"
            failed = all_failed(delivered.operations[: len(result.operations)], error)
            state = delivered.state
            self._commit_step(batch, delivered, BatchResult(failed, state.exists, state.state))

    def _commit_step(self, batch: "_Batch", delivered: Delivered, result: BatchResult) -> None:
        live, side = batch.live, self._side
        step = conclude(delivered, result, side.engine)
        outcome = outcome_of_step(
            step,
            live.key,
            live.execution,
            delivered.now,
            default_version=side.default_version,
            new_execution_id=side.new_execution_id,
        )
        self._commit(live, batch.messages, outcome, step, batch.started)

    def _commit(
        self, live: _Live, messages: list[Received], outcome: Outcome, step: EntityStep | None, started: float
    ) -> None:
        if self._phase.left:
            return
        session = Session(live.key.instance_id, live.execution, live.token, None)
        took_s = self._clock.monotonic() - started

        def then(settled: Settled) -> None:
            if isinstance(settled, Committed):
                self._committed(live, outcome, settled)
                if step is not None:
                    self._tell(live.key, step, took_s)
            else:
                self._drop(live)
                self._idle()

        self._hub.commit(Episode(session, messages), outcome, then)

    def _committed(self, live: _Live, outcome: Outcome, settled: Committed) -> None:
        assert isinstance(outcome.change, Snapshot)
        with self._lock:
            live.token, live.snapshot, live.attempts = settled.token, outcome.change, 0
            live.busy = bool(live.inbox)
            if live.key.instance_id in self._live:
                self._live.move_to_end(live.key.instance_id)
        if live.busy:
            self._run_soon(live)
        else:
            self._idle()

    def _tell(self, key: EntityKey, step: EntityStep, took_s: float) -> None:
        if step.operations:
            self._side.log.ran(key, step.operations, took_s)
        for why in step.dropped:
            logger.warning("a message to the entity %s: %s", key, why, extra={"instance_id": key.instance_id})

    def _give_back(self, live: _Live, messages: list[Received], delay: timedelta, why: str) -> None:
        """``messages`` go back to the hub with all that has come since, and the session with them."""
        self._drop(live)
        with self._lock:
            messages, live.inbox = [*messages, *live.inbox], []
        session = Session(live.key.instance_id, live.execution, live.token, None)
        self._give_back_to_hub(Episode(session, messages, live.attempts + 1), delay, why)
        self._idle()

    def _drop(self, live: _Live) -> None:
        """Its session counts no more; one that came in its place stays."""
        with self._lock:
            if self._live.get(live.key.instance_id) is live:
                del self._live[live.key.instance_id]

    # --- with the lock held

    def _receiving(self, session: Session) -> _Live | None:
        live = self._live.get(session.instance)
        if live is not None and live.execution == session.execution:
            return live
        if not isinstance(session.past, Snapshot):
            return None
        live = _Live(entity_of(session.instance), session.execution, session.token, session.past)
        self._live[session.instance] = live
        return live


@dataclass(frozen=True, slots=True)
class _Batch:
    live: _Live
    messages: list[Received]
    delivered: Delivered
    started: float


class _Pace:
    """Which operations of a batch may begin: its first one, and others until half of the time limit has gone, so that
    an operation that comes to its end in half of the limit is in no danger from those before it.

    ``begun`` is how many did. ``most`` bounds them, in a batch that repeats the beginning of another.
    """

    def __init__(self, monotonic: Callable[[], float], limit_s: float, *, most: int | None) -> None:
        self.begun = 0
        self.repeats = most is not None
        self._most = most
        self._monotonic = monotonic
        self._until = monotonic() + limit_s / 2

    def may_begin(self) -> bool:
        if self.begun and (self.begun == self._most or self._monotonic() >= self._until):
            return False
        self.begun += 1
        return True
