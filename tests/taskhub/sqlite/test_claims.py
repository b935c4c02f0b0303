"""Claims and fences against a model: any order of starts, messages, commits, deaths and takeovers.

The machine works on transactions, below threads and processes, where every interleaving can be had.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from funchost.durable.events import ExecutionStarted
from funchost.durable.status import NON_RUNNING, RuntimeStatus
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.taskhub import Committed, Episode, Lost, Session
from funchost.taskhub.sqlite.codec import Token
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.file import connect, prepare
from funchost.taskhub.sqlite.gather import Room, Seeking
from funchost.taskhub.sqlite.transaction import apply
from funchost.taskhub.sqlite.writes import (
    BuryWrite,
    GatherWrite,
    JoinWrite,
    PurgeWrite,
    SendWrite,
    StartWrite,
    Write,
    commit_write,
    message_row,
    start_row,
)
from taskhub.acting import NOW, append, finish, raised

IDS = st.sampled_from([InstanceId("a"), InstanceId("b")])
WORKERS = st.sampled_from(["alice", "bob"])


@dataclass
class Model:
    """What an instance must look like."""

    execution: ExecutionId
    seq: int = 0
    fence: int = 1
    owner: int | None = None
    finished: bool = False
    history: int = 0
    waiting: int = 1


@dataclass(frozen=True)
class Ticket:
    """A session that a worker got at some time."""

    instance: InstanceId
    execution: ExecutionId
    token: Token
    messages: tuple[int, ...] = field(default=())


class ClaimMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "a.db"
        prepare(path)
        self.connection = connect(path, role="writer", durability="relaxed")
        self.model: dict[InstanceId, Model] = {}
        self.tickets: list[Ticket] = []
        self.keys: dict[str, int] = {}
        self.runs = 0
        for worker in ("alice", "bob"):
            self.join(worker)

    def teardown(self) -> None:
        self.connection.close()
        self.folder.cleanup()

    def write(self, write: Write, worker: str | None = None) -> Effects:
        room = Room() if worker is None else Room(self.keys[worker], 10, 10)
        self.connection.execute("BEGIN IMMEDIATE")
        effects = apply(self.connection, [write], now=NOW, room=room, seeking=Seeking())
        self.connection.execute("COMMIT")
        for delivery in effects.deliveries.values():
            target = delivery.target
            messages = tuple(arrival.id for arrival in delivery.arrivals)
            self.tickets.append(Ticket(target.id, target.execution_id, target.token, messages))
        return effects

    def result(self, make: Callable[[Callable[[Any], None]], Write], worker: str | None = None) -> Any:
        told = list[Any]()
        for then, result in self.write(make(told.append), worker).calls:
            then(result)
        (result,) = told
        return result

    def join(self, worker: str) -> None:
        self.keys[worker] = self.result(lambda then: JoinWrite(WorkerId(worker), worker, then, fail))

    @rule(instance=IDS, worker=st.none() | WORKERS)
    def start(self, instance: InstanceId, worker: str | None) -> None:
        self.runs += 1
        execution = ExecutionId(f"{self.runs:032x}")
        event = ExecutionStarted(timestamp=NOW, name="F", instance_id=instance, execution_id=execution)
        there = self.model.get(instance)
        in_the_way = self.result(lambda then: StartWrite(start_row(event), NON_RUNNING, then, fail), worker)
        assert (in_the_way is None) == (there is None or there.finished)
        if in_the_way is not None:
            return
        owner = None if worker is None else self.keys[worker]
        if there is None:
            self.model[instance] = Model(execution, owner=owner)
        else:
            if there.owner in self.keys.values():
                owner = there.owner
            self.model[instance] = Model(execution, fence=there.fence + 1, owner=owner)

    @rule(instance=IDS, worker=st.none() | WORKERS)
    def send(self, instance: InstanceId, worker: str | None) -> None:
        self.write(SendWrite(message_row(instance, raised()), ignore, fail), worker)
        there = self.model.get(instance)
        if there is not None and not there.finished:
            there.waiting += 1

    @rule(worker=WORKERS)
    def gather(self, worker: str) -> None:
        self.write(GatherWrite(ignore, fail), worker)
        for there in self.model.values():
            if there.waiting and there.owner not in self.keys.values():
                there.owner, there.fence = self.keys[worker], there.fence + 1

    @rule(worker=WORKERS)
    def die(self, worker: str) -> None:
        self.write(BuryWrite([self.keys[worker]], ignore, fail))
        self.join(worker)

    @rule(instance=IDS)
    def purge(self, instance: InstanceId) -> None:
        there = self.result(lambda then: PurgeWrite(instance, None, None, None, then, fail))
        assert there == (self.model.pop(instance, None) is not None)

    @rule(data=st.data(), worker=WORKERS, ends=st.booleans())
    def commit(self, data: st.DataObject, worker: str, ends: bool) -> None:
        if not self.tickets:
            return
        ticket = data.draw(st.sampled_from(self.tickets))
        session = Session(ticket.instance, ticket.execution, ticket.token, ())
        outcome = finish() if ends else append(raised())
        settled = self.result(lambda then: commit_write(Episode(session, ()), outcome, then), worker)
        there = self.model.get(ticket.instance)
        if there is None or (there.execution, there.seq, there.fence) != (
            ticket.execution,
            ticket.token.seq,
            ticket.token.fence,
        ):
            assert settled == Lost()
            return
        assert isinstance(settled, Committed)
        there.seq += 1
        there.history += 1
        there.finished = there.finished or ends
        if ends:
            there.waiting = 0
        assert isinstance(settled.token, Token)
        self.tickets.append(Ticket(ticket.instance, ticket.execution, settled.token))

    @invariant()
    def the_database_is_as_the_model_says(self) -> None:
        rows = self.connection.execute(
            """
            SELECT i.id, e.id, i.seq, i.fence, i.owner, i.status,
                   (SELECT count(*) FROM history AS h WHERE h.execution = i.execution),
                   (SELECT count(*) FROM message AS m WHERE m.instance = i.key)
            FROM instance AS i JOIN execution AS e ON e.key = i.execution
            """
        ).fetchall()
        found = dict[InstanceId, Model]()
        for instance, execution, seq, fence, owner, status, history, waiting in rows:
            finished = RuntimeStatus(status).is_terminal
            found[instance] = Model(execution, seq, fence, owner, finished, history, waiting)
        assert found == self.model


def ignore(result: object) -> None:
    pass


def fail(exc: BaseException) -> None:
    raise exc


TestClaims = ClaimMachine.TestCase
TestClaims.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
