"""Answers wait in memory for the episode that they cause, but not for user code that takes its time."""

from funchost.clock import SystemClock
from funchost.durable.status import NON_RUNNING
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance
from recovery.host import Folder, Host, HostSetup, open_hub
from recovery.points import Kill
from recovery.population import finish
from recovery.verify import verify


async def test_a_finished_activity_does_not_run_again_when_a_host_dies_in_a_slow_orchestrator(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    slow = InstanceId("slow")
    try:
        await hub.start(NewInstance(slow, "slow", '{"n": 2}'), replacing=NON_RUNNING)
        # The answer was written by itself; the orchestrator that it woke still has the thread.
        with Host(folder, HostSetup(Kill("answered"))) as host:
            host.wait_until_ready()
            assert host.wait_until_gone()
        assert len(folder.effects.read()) == 1
        with Host(folder) as host:
            host.wait_until_ready()
            await finish(hub)
            host.stop()
        await verify(hub, folder, [slow], runs=1)
    finally:
        await hub.close()
