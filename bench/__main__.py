"""``python -m bench``: every measurement in one run, printed as a table and written to ``bench.json``."""

import argparse
from pathlib import Path

import uvloop

from bench import report
from bench.figures import figures
from bench.measure import PARTS, measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often the systems take turns (default 5)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    args = parser.parse_args()

    samples = uvloop.run(measure(args.rounds, args.parts))
    lines = figures(samples)
    report.show(lines, samples)
    report.write(lines, args.output)


if __name__ == "__main__":
    main()
