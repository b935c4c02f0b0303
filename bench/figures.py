"""Which figures the samples give, and what each of them aims at."""

from collections.abc import Iterator

from bench.measure import DURABLE, Samples
from bench.report import Figure, compared, single
from bench.workloads import LOOPS, WIDE_FAN_OUT

__all__ = ["figures"]

_AIMS = {
    "chain-5x200/restate": ">= 3 x",
    "chain-5x200/dbos": ">= 10 x",
    "chain-100/restate": ">= 3 x",
    "fanout-500/restate": ">= 2 x",
}
_WITH_AND_WITHOUT_CONSOLE = (("funchost", ""), ("funchost-quiet", "/no-console"))
_WAYS = (*_WITH_AND_WITHOUT_CONSOLE, ("funchost-kept", "/extended-sessions"))


def figures(samples: Samples) -> list[Figure]:
    """The parts that were not measured are left out."""
    return [*_durable(samples), *_busy(samples), *_hello(samples), *_host(samples), *_long(samples), *_replay(samples)]


def _durable(samples: Samples) -> Iterator[Figure]:
    for workload in DURABLE:
        for peer in ("restate", "dbos"):
            name = f"{workload.name}/{peer}"
            for ours, suffix in _WAYS:
                if mine := samples.get(f"{workload.name}/{ours}"):
                    yield compared(name + suffix, mine, samples[name], unit="steps/s", aim=_AIMS.get(name))
    if mine := samples.get("chain-async-5x200/funchost"):
        yield compared("chain-async-5x200/restate", mine, samples["chain-5x200/restate"], unit="steps/s")


def _busy(samples: Samples) -> Iterator[Figure]:
    if mine := samples.get("chain-5x200-busy/funchost"):
        yield compared("chain-5x200-busy/alone", mine, samples["chain-5x200/alone"], unit="steps/s", aim=">= 0.1 x")


def _hello(samples: Samples) -> Iterator[Figure]:
    for ours, suffix in _WITH_AND_WITHOUT_CONSOLE:
        if mine := samples.get(f"hello/{ours}"):
            peer = samples["hello/starlette"]
            yield compared(f"hello/starlette{suffix}", mine, peer, unit="requests/s", aim=">= 0.6 x")


def _host(samples: Samples) -> Iterator[Figure]:
    for name, unit, aim in (
        ("startup", "s", "< 1"),
        ("idle-cpu", "% of a core", "< 1"),
        ("idle-memory", "MB", "< 120"),
    ):
        if mine := samples.get(f"{name}/funchost"):
            yield single(name, mine, unit=unit, aim=aim)


def _long(samples: Samples) -> Iterator[Figure]:
    shortest = samples.get(f"{LOOPS[0].name}/funchost-kept")
    for workload in LOOPS[1:]:
        if shortest and (mine := samples.get(f"{workload.name}/funchost-kept")):
            yield compared(f"{workload.name}/{LOOPS[0].name}", mine, shortest, unit="steps/s", aim=">= 0.8 x")
    name = WIDE_FAN_OUT.name
    if mine := samples.get(f"{name}/funchost"):
        yield single(name, mine, unit="steps/s")
        yield single(f"{name}-memory", samples[f"{name}-memory/funchost"], unit="MB", aim="< 300")


def _replay(samples: Samples) -> Iterator[Figure]:
    if mine := samples.get("replay/funchost"):
        official = samples["replay/sdk"]
        yield compared("replay/sdk", mine, official, unit="events/s", aim=">= 20 x")
        yield compared("replay/sdk/decoded", samples["replay/funchost-decoded"], official, unit="events/s")
