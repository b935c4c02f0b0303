"""Clocks jump and processes stop; that is no reason to take anything from the living or to run it again."""

import asyncio
import signal
from collections.abc import Sequence

from funchost.clock import SystemClock
from funchost.durable.status import NON_RUNNING
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance, TaskHub
from funchost.taskhub.sqlite.file import lock_path
from funchost.taskhub.sqlite.locks import FileLock
from funchost.taskhub.worker.limits import Limits
from recovery.clocks import JumpingClock
from recovery.effects import activities
from recovery.flows import functions
from recovery.host import Folder, Host, HostSetup, open_hub, worker_on
from recovery.points import Hold
from recovery.population import finish
from recovery.verify import verify

_DAY_S = 86_400.0
_STOPPED_S = 1.2
"""Long enough for a living host to look at the other several times."""

_WITHOUT_TIMERS = ("chain", "fan", "family", "generations", "careful")
_FLOWS = (*_WITHOUT_TIMERS, "retrying", "timers", "race")


async def test_a_stopped_host_keeps_what_it_has(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    try:
        mine = await _start(hub, _FLOWS, prefix="mine")
        # Stopped with a request in hand, and with more that are claimed and have not begun.
        with Host(folder, HostSetup(Hold("activity"), Limits(activities=1, claim_ahead=64))) as first:
            first.wait_until_ready()
            first.wait_until_held()
            # Stopped in the middle of a transaction, it would keep the others from writing, and the test waiting.
            with FileLock(lock_path(folder.database)).held():
                first.freeze()
            with Host(folder) as second:
                second.wait_until_ready()
                theirs = await _start(hub, _FLOWS, prefix="theirs")
                await asyncio.sleep(_STOPPED_S)
                ran = {effect.instance for effect in folder.effects.read() if effect.process == second.pid}
                assert ran & set(theirs)
                assert not ran & set(mine)
                first.send(signal.SIGCONT)
                first.go_on()
                await finish(hub)
                first.stop()
                second.stop()
        await verify(hub, folder, [*mine, *theirs], runs=1)
    finally:
        await hub.close()


async def test_nothing_runs_twice_when_the_clock_jumps_forward(folder: Folder) -> None:
    await _two_workers_and_a_jump(folder, _FLOWS, _DAY_S)


async def test_nothing_runs_twice_when_the_clock_jumps_back(folder: Folder) -> None:
    # Timers wait until the clock has caught up: they are points of its time.
    await _two_workers_and_a_jump(folder, _WITHOUT_TIMERS, -_DAY_S)


async def _two_workers_and_a_jump(folder: Folder, flows: Sequence[str], seconds: float) -> None:
    """Two workers, as in two processes, whose clocks jump one after the other while both are at work."""
    clocks = [JumpingClock(), JumpingClock()]
    hubs = [open_hub(folder, clock) for clock in clocks]
    workers = [
        worker_on(hub, clock, functions(), activities(folder.effects), limits=Limits(activities=4, claim_ahead=2))
        for hub, clock in zip(hubs, clocks, strict=True)
    ]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        started = list[InstanceId]()
        for number, clock in enumerate([*clocks, None]):
            started += await _start(hubs[number % 2], flows, prefix=str(number))
            if clock is not None:
                clock.jump(seconds)
        await finish(hubs[0])
        await verify(hubs[0], folder, started, runs=1)
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        for hub in hubs:
            await hub.close()


async def _start(hub: TaskHub, flows: Sequence[str], *, prefix: str) -> list[InstanceId]:
    ids = [InstanceId(f"{prefix}-{flow}") for flow in flows]
    for instance, flow in zip(ids, flows, strict=True):
        await hub.start(NewInstance(instance, flow, '{"n": 3}'), replacing=NON_RUNNING)
    return ids
