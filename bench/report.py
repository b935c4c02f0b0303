"""Figures, as a table for people and as ``bench.json`` for machines."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

__all__ = ["Figure", "compared", "show", "single", "write"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line; without a peer ``peer`` and ``ratio`` are None.

    ``value`` and ``peer`` are medians over the rounds, ``ratio`` the median of each round's own ratio: what slows
    the machine down for a while slows both sides of that round.

    ``aim`` is the ratio, or the value where there is no peer, that we want to reach or stay under.
    """

    name: str
    value: float
    unit: str
    peer: float | None = None
    ratio: float | None = None
    aim: str | None = None


def compared(name: str, ours: list[float], theirs: list[float], *, unit: str, aim: str | None = None) -> Figure:
    ratio = median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return Figure(name, median(ours), unit, median(theirs), ratio, aim)


def single(name: str, values: Iterable[float], *, unit: str, aim: str | None = None) -> Figure:
    return Figure(name, median(values), unit, aim=aim)


def show(figures: Iterable[Figure], spread: Mapping[str, list[float]]) -> None:
    """The table, and under it the rounds it is made of: a median says little without them."""
    print(f"\n{'':34}{'funchost':>12}{'peer':>12}{'ratio':>9}  {'unit':<12}aim")
    for figure in figures:
        peer = "" if figure.peer is None else f"{figure.peer:,.1f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x"
        line = f"{figure.name:34}{figure.value:>12,.1f}{peer:>12}{ratio:>9}  {figure.unit:<12}{figure.aim or ''}"
        print(line.rstrip())
    print("\nrounds:")
    for name, values in spread.items():
        print(f"  {name:44}" + "  ".join(f"{value:,.1f}" for value in values))


def write(figures: Iterable[Figure], path: Path) -> None:
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    print(f"\nwritten to {path}")
