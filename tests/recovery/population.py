"""The instances of one round, and what their client does to them."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from funchost.clock import SystemClock
from funchost.durable import payloads
from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
)
from funchost.durable.status import NON_RUNNING, TERMINAL, RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import NewInstance, Query, TaskHub
from funchost.taskhub.entity_client import EntityClient
from recovery.books import BOOKS, JOURNAL
from recovery.effects import MOST_POLLS
from recovery.flows import FLOWS, GATED
from recovery.host import LIMIT_S, Folder

__all__ = ["CLIENT", "IN_FLIGHT", "Population", "finish", "in_flight"]

IN_FLIGHT = 10
"""So many instances at least are not finished when a host is killed."""

OPEN = frozenset(RuntimeStatus) - TERMINAL
_ASK_AGAIN_S = 0.01
_UNDONE = """
    SELECT EXISTS (SELECT 1 FROM message), EXISTS (SELECT 1 FROM activity), EXISTS (
        SELECT 1 FROM instance WHERE status IN ('Pending', 'Running', 'Suspended') AND id NOT LIKE '@%'
    )
"""
CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Member:
    id: InstanceId
    flow: str
    given: dict[str, Any]

    @property
    def is_gated(self) -> bool:
        return "gate" in self.given


@dataclass(slots=True)
class Population:
    """``release`` lets the gated ones go on; before it, at least ``IN_FLIGHT`` cannot finish.

    Of the ``doomed``, one is terminated before and the others then. ``signals`` counts those of the client.
    """

    hub: TaskHub
    members: Sequence[Member]
    suspended: Sequence[Member]
    doomed: Sequence[Member]
    signals: int = 0
    _clock: SystemClock = field(default_factory=SystemClock)

    @classmethod
    def draw(cls, hub: TaskHub, chance: Random, *, with_slow: bool) -> "Population":
        members = list[Member]()
        for flow in [*GATED, *chance.choices(GATED, k=3)]:
            n = chance.randint(1, 4)
            # A generation drops the events that it has not asked for, so theirs is the first.
            steps = n if flow in ("chain", "timers") else 1
            members.append(_member(flow, len(members), {"n": n, "gate": chance.randrange(steps)}))
        members += [_member(chance.choice(GATED), len(members) + i, {"n": chance.randint(1, 4)}) for i in range(6)]
        members.append(_member("endless", len(members), {"n": 1}))
        if with_slow:
            members.append(_member("slow", len(members), {"n": 2}))
        members += _with_entities(chance, len(members))
        chance.shuffle(members)
        suspended = [member for member in members if member.flow in ("chain", "fan")][:2]
        doomed = [member for member in members if member.flow == "doomed"]
        return cls(hub, members, suspended, doomed)

    @property
    def ids(self) -> list[InstanceId]:
        return [member.id for member in self.members]

    async def start(self, members: Sequence[Member]) -> None:
        await asyncio.gather(*(self._start(member) for member in members))

    async def suspend(self) -> None:
        await asyncio.gather(
            self._send(self.suspended, ExecutionSuspended(timestamp=self._clock.now(), reason="wait")),
            self._send(self.doomed[:1], _terminated(self._clock)),
            self._signal(),
        )

    async def release(self) -> None:
        now = self._clock.now()
        ending = [*(m for m in self.members if m.flow == "endless"), *self.doomed[1:]]
        await asyncio.gather(
            self._send([m for m in self.members if m.is_gated], EventRaised(timestamp=now, name="go", input="1")),
            self._send(self.suspended, ExecutionResumed(timestamp=now, reason="go on")),
            self._send(ending, _terminated(self._clock)),
            self._signal(),
        )

    async def _start(self, member: Member) -> None:
        new = NewInstance(member.id, member.flow, json.dumps(member.given))
        await self.hub.start(new, replacing=NON_RUNNING)

    async def _signal(self) -> None:
        """A client's signals: one that is due later, and some at once."""
        client = EntityClient(self.hub, self._clock, functions={name: name for name in BOOKS})
        for later in (True, False, False):
            self.signals += 1
            note = {"from": CLIENT, "n": self.signals, "section": 0, "later": later}
            due = Instant(self._clock.now() + TICKS_PER_SECOND // 50) if later else None
            await client.signal(JOURNAL, "note", payloads.wrap(payloads.encode(note)), due=due)

    async def _send(self, members: Sequence[Member], event: HistoryEvent) -> None:
        await asyncio.gather(*(self.hub.send(member.id, event) for member in members))


async def in_flight(hub: TaskHub) -> int:
    return len((await hub.list(Query(statuses=OPEN, entities=False, top=None, payloads=False))).instances)


async def finish(hub: TaskHub, folder: Folder | None = None) -> None:
    """Wait until nothing is open any more, and with ``folder`` until no entity has anything to hear either."""
    try:
        async with asyncio.timeout(LIMIT_S):
            # What an entity hears may begin an orchestration, and one that ends may send: both in one look.
            # The work is another process's: nobody here tells.
            while await in_flight(hub) or not (folder is None or _is_quiet(folder)):  # noqa: ASYNC110
                await asyncio.sleep(_ASK_AGAIN_S)
    except TimeoutError:
        raise AssertionError(await _what_is_open(hub)) from None


def _is_quiet(folder: Folder) -> bool:
    connection = sqlite3.connect(folder.database)
    try:
        return not any(connection.execute(_UNDONE).fetchone())
    finally:
        connection.close()


async def _what_is_open(hub: TaskHub) -> str:
    still = (await hub.list(Query(statuses=OPEN, entities=False, top=None))).instances
    still = still or (await hub.list(Query(entities=True, top=None))).instances
    lines = [f"{len(still)} never finish, the first of them:"]
    for one in still[:3]:
        lines += [repr(one), *(f"    {event!r}" for event in await hub.history(one.id))]
    return "\n".join(lines)


def _with_entities(chance: Random, first: int) -> Sequence[Member]:
    """Some that share entities and their locks, and a family that fails together with the one that rewinds it."""
    drawn: list[tuple[str, dict[str, Any]]] = [
        ("caller", {"n": 2, "gate": chance.randrange(3)}),
        ("caller", {"n": 1}),
        ("transfer", {"n": 2, "gate": chance.randrange(2)}),
        ("transfer", {"n": 2}),
        ("transfer", {"n": 1}),
        ("clumsy", {"n": 1} if chance.random() < 0.5 else {"n": 1, "gate": 0}),
        ("doomed", {"n": 1}),
        ("doomed", {"n": 1}),
        ("heir", {"n": 2}),
        ("polling", {"n": chance.randint(1, MOST_POLLS)}),
        ("patient", {"n": 1}),
    ]
    members = [_member(flow, number, given) for number, (flow, given) in enumerate(drawn, first)]
    return [*members, _member("surgeon", first + len(drawn), {"n": 1, "whole": members[-1].id})]


def _member(flow: str, number: int, given: dict[str, Any]) -> Member:
    assert flow in FLOWS
    return Member(InstanceId(f"{number:02}-{flow}"), flow, given)


def _terminated(clock: SystemClock) -> ExecutionTerminated:
    return ExecutionTerminated(timestamp=clock.now(), reason="enough")
