"""What is measured. Every workload checks its answers: a fast wrong result is an error, not a figure."""

import asyncio
import time
from dataclasses import dataclass

from bench.drive import burst
from bench.load import Client, prepare, sustained
from bench.systems import Running

__all__ = [
    "CHAIN",
    "CHAIN_ASYNC",
    "FAN_OUT",
    "LONG_CHAIN",
    "LOOPS",
    "WIDE_FAN_OUT",
    "Workload",
    "burn",
    "hello",
    "idle",
    "run",
]


@dataclass(frozen=True, slots=True)
class Workload:
    """``instances`` orchestrations at once, each of ``steps`` activities."""

    name: str
    orchestration: str
    instances: int
    steps: int

    @property
    def expected(self) -> int:
        """A chain adds one per step; a fan-out sums what its branches give, 1 to ``steps``."""
        return self.steps * (self.steps + 1) // 2 if self.orchestration == "fan_out" else self.steps


CHAIN = Workload("chain-5x200", "chain", instances=200, steps=5)
CHAIN_ASYNC = Workload("chain-async-5x200", "chain_async", instances=200, steps=5)
LONG_CHAIN = Workload("chain-100", "chain", instances=1, steps=100)
FAN_OUT = Workload("fanout-500", "fan_out", instances=1, steps=500)
WIDE_FAN_OUT = Workload("fanout-5000", "fan_out", instances=1, steps=5_000)
LOOPS = tuple(Workload(f"loop-{steps}", "chain", instances=1, steps=steps) for steps in (1_000, 5_000, 10_000))

_HELLO_S = 2.0
_HELLO_CONNECTIONS = 32
_IDLE_S = 5.0


async def run(workload: Workload, system: Running, client: Client) -> float:
    """Steps per second, from the first call until the last answer."""
    await client.open(workload.instances)
    began = time.perf_counter()
    answers = await burst(client, system.url(workload.orchestration), workload.steps, workload.instances)
    elapsed = time.perf_counter() - began
    if answers != [workload.expected] * workload.instances:
        raise RuntimeError(f"{system.server.name}: {workload.name} gave {answers[:5]!r}…, not {workload.expected}")
    return workload.instances * workload.steps / elapsed


async def burn(system: Running, client: Client, *, seconds: float) -> None:
    """Have one activity keep the interpreter busy for that long."""
    await burst(client, system.url("busy"), seconds, 1)


async def hello(system: Running, client: Client) -> float:
    """Requests per second of the hello function."""
    raw = prepare("GET", f"{system.base}/api/hello?name=bench")
    await sustained(client, raw, seconds=0.3, connections=_HELLO_CONNECTIONS)
    return await sustained(client, raw, seconds=_HELLO_S, connections=_HELLO_CONNECTIONS)


async def idle(system: Running) -> tuple[float, float]:
    """CPU in per cent of one core while nothing is asked, and resident memory in MB."""
    await asyncio.sleep(1.0)
    before, began = system.server.cpu_s(), time.perf_counter()
    await asyncio.sleep(_IDLE_S)
    used = system.server.cpu_s() - before
    return 100 * used / (time.perf_counter() - began), system.server.memory_mb()
