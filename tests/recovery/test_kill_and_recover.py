"""Hosts are killed at every point there is, and in between; nothing is lost, nothing happens twice.

A failed round prints its plan. ``FUNCHOST_KILL_SEED=<seed>`` makes it the first round of the next run;
``FUNCHOST_KILL_ROUNDS`` says how many the long run has.
"""

import os
from random import Random, SystemRandom

import pytest

from funchost.clock import SystemClock
from recovery.host import Folder, HostSetup, open_hub
from recovery.points import ENTITY_POINTS, POINTS, Kill
from recovery.population import Population
from recovery.rounds import draw, play, play_without_a_kill

# The last turn leaves out the points of entities, locks and rewinding, which come last.
ROUNDS = 3 * len(POINTS) - len(ENTITY_POINTS)
SOAK_ROUNDS = int(os.environ.get("FUNCHOST_KILL_ROUNDS", "2000"))


def _first_seed() -> int:
    given = os.environ.get("FUNCHOST_KILL_SEED")
    # Rounds take the points in turn, in whatever process they run.
    return int(given) if given is not None else SystemRandom().randrange(10**6) * len(POINTS)


FIRST_SEED = _first_seed()


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_after_a_kill_everything_completes_and_nothing_is_doubled(number: int, folder: Folder) -> None:
    plan = draw(FIRST_SEED + number)
    print(plan)
    await play(plan, folder)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(SOAK_ROUNDS))
async def test_after_thousands_of_kills_nothing_is_lost_or_doubled(number: int, folder: Folder) -> None:
    plan = draw(FIRST_SEED + number)
    print(plan)
    await play(plan, folder)


async def test_a_host_that_is_not_killed_passes_every_point(folder: Folder) -> None:
    hub = open_hub(folder, SystemClock())
    population = Population.draw(hub, Random(1), with_slow=True)
    try:
        # The code is wrapped for this point, which it does not pass so often.
        await play_without_a_kill(population, folder, HostSetup(Kill("episode", nth=10**6)))
    finally:
        await hub.close()
    assert folder.passed.keys() >= POINTS.keys() - {"time"}
