"""The rounds: the systems take turns, so that a slow minute of the machine meets all of them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection
from statistics import median

from bench import workloads
from bench.replay import History
from bench.systems import DBOS, FUNCHOST, FUNCHOST_KEPT, FUNCHOST_QUIET, RESTATE, STARLETTE, System, running
from bench.workloads import CHAIN, CHAIN_ASYNC, FAN_OUT, LONG_CHAIN, LOOPS, WIDE_FAN_OUT, Workload

__all__ = ["DURABLE", "PARTS", "Samples", "measure"]

DURABLE = (CHAIN, LONG_CHAIN, FAN_OUT)
_BURN_S = 6.0
_RUNS_A_TURN = 3
"""The middle one counts: a chain of 100 is over in a tenth of a second, and any hiccup would be the figure."""

Samples = defaultdict[str, list[float]]
"""``<workload>/<system>`` to one value a round."""


async def _durable_on(system: System, samples: Samples, work: tuple[Workload, ...]) -> None:
    async with running(system) as (started, client):
        for workload in work:
            # The first of a kind pays for imports, prepared statements and cold caches: not what is asked.
            await workloads.run(Workload("warm-up", workload.orchestration, 5, workload.steps), started, client)
            runs = [await workloads.run(workload, started, client) for _ in range(_RUNS_A_TURN)]
            samples[f"{workload.name}/{system.name}"].append(median(runs))


async def durable(samples: Samples) -> None:
    await _durable_on(RESTATE, samples, DURABLE)
    await _durable_on(FUNCHOST, samples, (*DURABLE, CHAIN_ASYNC))
    await _durable_on(DBOS, samples, DURABLE)
    await _durable_on(FUNCHOST_QUIET, samples, DURABLE)
    await _durable_on(FUNCHOST_KEPT, samples, (CHAIN, LONG_CHAIN))


async def busy(samples: Samples) -> None:
    """The chain alone, and again while one activity keeps the interpreter busy."""
    async with running(FUNCHOST) as (started, client):
        await workloads.run(CHAIN, started, client)
        samples["chain-5x200/alone"].append(await workloads.run(CHAIN, started, client))
        async with asyncio.TaskGroup() as group:
            burning = group.create_task(workloads.burn(started, client, seconds=_BURN_S))
            await asyncio.sleep(0.3)
            samples["chain-5x200-busy/funchost"].append(await workloads.run(CHAIN, started, client))
            if burning.done():
                raise RuntimeError(f"the chain took longer than the {_BURN_S} s of the activity it ran beside")


async def hello(samples: Samples) -> None:
    for system in (STARLETTE, FUNCHOST, FUNCHOST_QUIET):
        async with running(system) as (started, client):
            samples[f"hello/{system.name}"].append(await workloads.hello(started, client))


async def host(samples: Samples) -> None:
    """Start-up to the first answer, then what the host costs while nothing happens."""
    before = time.perf_counter()
    async with running(FUNCHOST) as (started, _):
        samples["startup/funchost"].append(time.perf_counter() - before)
        cpu, memory = await workloads.idle(started)
        samples["idle-cpu/funchost"].append(cpu)
        samples["idle-memory/funchost"].append(memory)


async def loop(samples: Samples) -> None:
    """Long loops whose suspended code is kept: a step must cost the same however many there were before."""
    async with running(FUNCHOST_KEPT) as (started, client):
        await workloads.run(LOOPS[0], started, client)
        for workload in LOOPS:
            samples[f"{workload.name}/funchost-kept"].append(await workloads.run(workload, started, client))


async def fan_out_memory(samples: Samples) -> None:
    """A wide fan-out on a fresh host, and the most memory that it had."""
    async with running(FUNCHOST) as (started, client):
        samples[f"{WIDE_FAN_OUT.name}/funchost"].append(await workloads.run(WIDE_FAN_OUT, started, client))
        samples[f"{WIDE_FAN_OUT.name}-memory/funchost"].append(started.server.peak_memory_mb())


async def replay(samples: Samples) -> None:
    history = History()
    samples["replay/sdk"].append(history.official())
    samples["replay/funchost"].append(history.stored())
    samples["replay/funchost-decoded"].append(history.cached())


PARTS = {
    "durable": durable,
    "busy": busy,
    "hello": hello,
    "host": host,
    "loop": loop,
    "fanout-5000": fan_out_memory,
    "replay": replay,
}


async def measure(rounds: int, parts: Collection[str]) -> Samples:
    samples: Samples = defaultdict(list)
    for number in range(1, rounds + 1):
        for part in parts:
            print(f"round {number} of {rounds}: {part}", flush=True)
            await PARTS[part](samples)
    return samples
