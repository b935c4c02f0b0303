"""Two hosts believe that they own the same instances: one was taken for dead while it only hung.

This cannot happen by itself, because a hanging process keeps its kernel lock; the test takes the lock's file away.
What then saves the histories is the fence alone, so the same check fails on a hub that does not look at it.
"""

from collections.abc import Sequence

import pytest

from funchost.clock import SystemClock
from funchost.durable.status import NON_RUNNING
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance, TaskHub
from recovery.host import Folder, Host, HostSetup, open_hub
from recovery.points import Hold
from recovery.population import finish
from recovery.verify import verify

_FLOWS = ("chain", "fan", "careful", "generations") * 3


async def test_a_host_that_was_taken_for_dead_changes_nothing_when_it_comes_back(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    try:
        started = await _two_owners(hub, folder, check_fence=True)
        await verify(hub, folder, started, runs=2)
    finally:
        await hub.close()


async def test_the_check_fails_when_the_fence_is_switched_off(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    try:
        started = await _two_owners(hub, folder, check_fence=False)
        with pytest.raises(AssertionError) as failed:
            await verify(hub, folder, started, runs=2)
        # It stumbles over a history that was written twice.
        assert str(failed.value).count("ExecutionStarted(") == 2, failed.value
    finally:
        await hub.close()


async def _two_owners(hub: TaskHub, folder: Folder, *, check_fence: bool) -> Sequence[InstanceId]:
    """The first takes everything and hangs, the second completes it; then the first goes on where it was."""
    started = await _start(hub)
    setup = HostSetup(Hold("taken"), check_fence=check_fence)
    with Host(folder, setup) as late:
        late.wait_until_ready()
        late.wait_until_held()
        for lock in folder.path.glob("workers/*.lock"):
            lock.unlink()
        with Host(folder, HostSetup(check_fence=check_fence)) as other:
            other.wait_until_ready()
            await finish(hub)
            late.go_on()
            # It has taken all of them, and finishes what it has taken.
            late.stop()
            other.stop()
    return started


async def _start(hub: TaskHub) -> Sequence[InstanceId]:
    """Before any host is there: the first one claims them all at once."""
    ids = [InstanceId(f"{number:02}-{flow}") for number, flow in enumerate(_FLOWS)]
    for instance, flow in zip(ids, _FLOWS, strict=True):
        await hub.start(NewInstance(instance, flow, '{"n": 3}'), replacing=NON_RUNNING)
    return ids
