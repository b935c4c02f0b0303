"""The instances of one round, and what their client does to them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from funchost.clock import SystemClock
from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
)
from funchost.durable.status import NON_RUNNING, TERMINAL, RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance, Query, TaskHub
from recovery.flows import FLOWS, GATED
from recovery.host import LIMIT_S

__all__ = ["IN_FLIGHT", "Population", "finish", "in_flight"]

IN_FLIGHT = 10
"""So many instances at least are not finished when a host is killed."""

OPEN = frozenset(RuntimeStatus) - TERMINAL
_ASK_AGAIN_S = 0.01


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
    """``release`` lets the gated ones go on; before it, at least ``IN_FLIGHT`` cannot finish."""

    hub: TaskHub
    members: Sequence[Member]
    suspended: Sequence[Member]
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
        chance.shuffle(members)
        suspended = [member for member in members if member.flow in ("chain", "fan")][:2]
        return cls(hub, members, suspended)

    @property
    def ids(self) -> list[InstanceId]:
        return [member.id for member in self.members]

    async def start(self, members: Sequence[Member]) -> None:
        await asyncio.gather(*(self._start(member) for member in members))

    async def suspend(self) -> None:
        await self._send(self.suspended, ExecutionSuspended(timestamp=self._clock.now(), reason="wait"))

    async def release(self) -> None:
        now = self._clock.now()
        await asyncio.gather(
            self._send([m for m in self.members if m.is_gated], EventRaised(timestamp=now, name="go", input="1")),
            self._send(self.suspended, ExecutionResumed(timestamp=now, reason="go on")),
            self._send([m for m in self.members if m.flow == "endless"], _terminated(self._clock)),
        )

    async def _start(self, member: Member) -> None:
        new = NewInstance(member.id, member.flow, json.dumps(member.given))
        await self.hub.start(new, replacing=NON_RUNNING)

    async def _send(self, members: Sequence[Member], event: HistoryEvent) -> None:
        await asyncio.gather(*(self.hub.send(member.id, event) for member in members))


async def in_flight(hub: TaskHub) -> int:
    return len((await hub.list(Query(statuses=OPEN, top=None, payloads=False))).instances)


async def finish(hub: TaskHub) -> None:
    """Wait until nothing is open any more."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while await in_flight(hub):  # noqa: ASYNC110 - the work is another process's: nobody here tells
                await asyncio.sleep(_ASK_AGAIN_S)
    except TimeoutError:
        raise AssertionError(await _what_is_open(hub)) from None


async def _what_is_open(hub: TaskHub) -> str:
    still = (await hub.list(Query(statuses=OPEN, top=None))).instances
    lines = [f"{len(still)} never finish, the first of them:"]
    for one in still[:3]:
        lines += [repr(one), *(f"    {event!r}" for event in await hub.history(one.id))]
    return "\n".join(lines)


def _member(flow: str, number: int, given: dict[str, Any]) -> Member:
    assert flow in FLOWS
    return Member(InstanceId(f"{number:02}-{flow}"), flow, given)


def _terminated(clock: SystemClock) -> ExecutionTerminated:
    return ExecutionTerminated(timestamp=clock.now(), reason="enough")
