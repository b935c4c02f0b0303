"""How soon the work of a killed host is taken over by another that lives."""

import asyncio
import time

from funchost.clock import SystemClock
from funchost.durable.status import NON_RUNNING
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance
from recovery.host import LIMIT_S, Folder, Host, open_hub
from recovery.population import finish
from recovery.verify import verify

_AT_MOST_S = 1.0
_CHAINS = 12


async def test_the_work_of_a_killed_host_goes_on_elsewhere_within_a_second(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    ids = [InstanceId(f"chain-{number}") for number in range(_CHAINS)]
    try:
        with Host(folder) as first:
            first.wait_until_ready()
            for instance in ids:
                await hub.start(NewInstance(instance, "chain", '{"n": 60}'), replacing=NON_RUNNING)
            with Host(folder) as second:
                second.wait_until_ready()
                at = time.monotonic()
                first.kill()
                taken_over_s = await _first_effect_of(second, folder) - at
                print(f"taken over after {taken_over_s:.3f} s")
                await finish(hub)
                second.stop()
        assert taken_over_s < _AT_MOST_S
        await verify(hub, folder, ids, runs=2)
    finally:
        await hub.close()


async def _first_effect_of(host: Host, folder: Folder) -> float:
    async with asyncio.timeout(LIMIT_S):
        while True:
            for effect in folder.effects.read():
                if effect.process == host.pid:
                    return effect.at
            await asyncio.sleep(0.01)
