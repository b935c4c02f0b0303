"""One round of kill and recover, all of it drawn from one number."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from funchost.clock import SystemClock
from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.taskhub.worker.limits import Limits
from recovery.host import Folder, Host, HostSetup, open_hub
from recovery.points import POINTS, Kill
from recovery.population import IN_FLIGHT, Population, finish, in_flight
from recovery.verify import verify
from recovery.verify_entities import verify_entities

__all__ = ["Plan", "draw", "play", "play_without_a_kill"]

_PATIENCE_S = 0.8
"""A host that passes its point too seldom is killed after so long: everything waits by then."""

_NO_LIMIT = Limits()
_LIMITS = (
    _NO_LIMIT,
    Limits(activities=2, claim_ahead=0),
    Limits(activities=3, episodes=1, claim_ahead=4),
    Limits(events_in_memory=60),
    Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=10), instances=3, compare_every=4)),
    Limits(kept_code=KeptCodeLimits(idle=timedelta(milliseconds=30)), events_in_memory=200),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``beside``: a second host works from the start. ``stopped``: the first is stopped for a while, and then
    goes on. ``kills`` come one after the other, the first with at least ``IN_FLIGHT`` instances open."""

    seed: int
    kills: tuple[Kill, ...]
    setup: HostSetup
    beside: bool
    stopped: bool


def draw(seed: int) -> Plan:
    """Seeds in a row take the points in turn, so that few rounds miss none."""
    chance = Random(seed)
    names = list(POINTS)
    first = _kill(chance, names[seed % len(names)])
    more = tuple(_kill(chance, chance.choice(names)) for _ in range(chance.choice((0, 0, 1, 2))))
    setup = HostSetup(limits=chance.choice(_LIMITS), durability="full" if chance.random() < 0.2 else "relaxed")
    company = chance.random()
    return Plan(seed, (first, *more), setup, beside=company < 0.35, stopped=0.25 < company < 0.45)


async def play(plan: Plan, folder: Folder) -> None:
    """Raises AssertionError when something was lost, doubled or left behind."""
    hub = open_hub(folder, SystemClock())
    chance = Random(plan.seed)
    slow = plan.kills[0].point in ("answer", "answered")
    population = Population.draw(hub, chance, with_slow=slow)
    early = chance.randrange(len(population.members))
    try:
        await population.start(population.members[:early])
        with ExitStack() as others:
            await _first_kill(plan, folder, population, early, others)
            await population.release()
            for kill in plan.kills[1:]:
                with _host(folder, plan.setup, kill) as host:
                    await _killed(host, kill)
            with Host(folder, plan.setup) as host:
                host.wait_until_ready()
                await finish(hub, folder)
                await asyncio.to_thread(host.stop)
        assert "ERROR" not in folder.logs, folder.logs
        assert "a message to the entity" not in folder.logs, folder.logs
        await verify(hub, folder, population.ids, runs=1 + len(plan.kills))
        await verify_entities(hub, signals=population.signals)
    finally:
        await hub.close()


async def play_without_a_kill(population: Population, folder: Folder, setup: HostSetup | None = None) -> None:
    """All of it comes to its end on one host."""
    with Host(folder, setup) as host:
        host.wait_until_ready()
        await population.start(population.members)
        await population.suspend()
        await population.release()
        await finish(population.hub, folder)
        host.stop()


async def _first_kill(plan: Plan, folder: Folder, population: Population, early: int, others: ExitStack) -> None:
    kill = plan.kills[0]
    with _host(folder, plan.setup, kill) as host:
        if plan.beside:
            others.enter_context(Host(folder, plan.setup)).wait_until_ready()
        await population.start(population.members[early:])
        await population.suspend()
        if plan.stopped and host.is_alive:
            await _stopped_for_a_while(host)
        await _killed(host, kill)
    assert await in_flight(population.hub) >= IN_FLIGHT


@contextmanager
def _host(folder: Folder, setup: HostSetup, kill: Kill) -> Generator[Host]:
    with Host(folder, replace(setup, at=kill)) as host:
        host.wait_until_ready()
        yield host


async def _stopped_for_a_while(host: Host) -> None:
    host.send(signal.SIGSTOP)
    await asyncio.sleep(0.15)
    host.send(signal.SIGCONT)


async def _killed(host: Host, kill: Kill) -> None:
    patience_s = kill.after_s if kill.point == "time" else _PATIENCE_S
    by_itself = await asyncio.to_thread(host.wait_until_gone, patience_s)
    if not by_itself:
        host.kill()
    print("killed", "there" if by_itself else "from outside")


def _kill(chance: Random, point: str) -> Kill:
    # Early passings more often than late ones, which a round may not come to.
    return Kill(point, 1 + int(chance.random() ** 2 * POINTS[point]), after_s=chance.random() * 0.3)
