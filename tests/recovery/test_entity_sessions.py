"""Sessions of entities: which one counts, and what becomes of a batch that cannot be run. The hub is a stand-in."""

import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from durable.entities.playing import engine_of, signalled
from funchost.clock import SystemClock
from funchost.durable.entities.ids import EntityKey
from funchost.ids import ExecutionId
from funchost.taskhub import Committed, Episode, HubWorker, Lost, Outcome, Received, Session, Settled, Snapshot
from funchost.taskhub.worker.entities import EntitySide, EntityWorker
from funchost.taskhub.worker.limits import Phase
from funchost.threads import ThreadsClosed
from funchost.time_limit import TimeLimit
from recovery.host import SilentEntityLog

K = EntityKey("counter", "a")


class Closed:
    """The threads of a host that stops."""

    def submit(self, task: Callable[[], object]) -> None:
        raise ThreadsClosed


class Inline:
    def submit(self, task: Callable[[], object]) -> None:
        task()


@dataclass
class Sessions:
    """An entity worker, what it handed to its hub and what it gave back. ``error`` is raised by each commit."""

    threads: Inline | Closed = field(default_factory=Inline)
    error: Exception | None = None
    settle: list[Callable[[Settled], None]] = field(default_factory=list[Callable[[Settled], None]])
    given_back: list[tuple[Episode, timedelta]] = field(default_factory=list[tuple[Episode, timedelta]])

    def __post_init__(self) -> None:
        side = EntitySide(
            engine_of(lambda context: context.set_state(1)),
            self.threads,
            SilentEntityLog(),
            lambda name, instance: contextvars.copy_context(),
            lambda: ExecutionId("new"),
        )
        self.worker = EntityWorker(
            side,
            SystemClock(),
            TimeLimit(None, time.monotonic),
            Phase(),
            give_back=lambda episode, delay, why: self.given_back.append((episode, delay)),
            idle=lambda: None,
        )
        self.worker.serve(cast(HubWorker, self))

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        if self.error is not None:
            raise self.error
        self.settle.append(then)

    def receive(self, execution: str, past: Snapshot | None, *receipts: Any) -> bool:
        messages = [Received(receipt, signalled("add", 1)) for receipt in receipts]
        return self.worker.receive(Episode(Session(K.instance_id, ExecutionId(execution), "token", past), messages))


def test_a_refused_commit_of_an_old_session_leaves_the_new_one_alone() -> None:
    sessions = Sessions()
    assert sessions.receive("old", Snapshot(None), 1)
    assert sessions.receive("new", Snapshot(None), 2)
    of_old, of_new = sessions.settle
    of_old(Lost())
    of_new(Committed("next"))
    assert sessions.receive("new", None, 3), "the new session was forgotten"


def test_a_batch_that_cannot_be_handed_to_the_hub_is_given_back_and_its_entity_is_not_busy() -> None:
    sessions = Sessions(error=RuntimeError("a mistake of the host"))
    assert sessions.receive("one", Snapshot(None), 1)
    ((episode, delay),) = sessions.given_back
    assert ([message.receipt for message in episode.messages], delay) == ([1], timedelta(seconds=2))
    assert not sessions.worker.in_use


def test_a_host_that_stops_gives_back_what_it_has_not_begun_once() -> None:
    sessions = Sessions(Closed())
    assert sessions.receive("one", Snapshot(None), 1, 2)
    ((episode, delay),) = sessions.given_back
    assert ([message.receipt for message in episode.messages], delay) == ([1, 2], timedelta())
    assert not sessions.worker.in_use
