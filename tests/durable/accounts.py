"""Scenarios with accounts that orchestrations lock; each ends with nothing locked, and each lock released once."""

from collections.abc import Mapping
from typing import Any

import azure.durable_functions as df

from durable.driver import Activities, Played, Step, play
from durable.world import OrchestratorFunction, Slow, World
from funchost.ids import InstanceId

__all__ = ["ENTITIES", "RIVALS", "A", "B", "C", "holds", "lived", "rival"]

A, B, C = (df.EntityId("Account", key) for key in "abc")
RIVAL = InstanceId("rival")
ACTIVITIES: Activities = {"echo": lambda value: value, "slow": Slow(10, lambda value: value)}


def account(context: Any) -> None:
    if context.operation_name == "add":
        context.set_state(context.get_state(int) + context.get_input())
    context.set_result(context.get_state())


ENTITIES = {"Account": account}


def held(world: World) -> list[str]:
    """The keys of the accounts that are locked now."""
    return [key.key for key, entity in sorted(world.entities.items()) if entity.locked_by is not None]


def holds(*keys: str) -> Step:
    def step(world: World) -> None:
        assert held(world) == list(keys)

    return step


def assert_released_once(played: Played) -> None:
    """Of every request that was made each entity of it was told once."""
    assert held(played.world) == []
    entities = played.world.entities.values()
    assert any(entity.locks_asked for entity in entities)
    for entity in entities:
        assert set(entity.locks_released.values()) <= {1}
        assert entity.locks_asked <= set(entity.locks_released)


def lived(
    orchestrator: OrchestratorFunction,
    *steps: Step,
    children: Mapping[str, OrchestratorFunction] | None = None,
) -> Played:
    """The scenario with accounts, at whose end nothing is locked any more."""
    played = play(orchestrator, *steps, entities=ENTITIES, activities=ACTIVITIES, children=children or {})
    assert_released_once(played)
    return played


def rival(world: World) -> None:
    """Another orchestration, that locks the account b for ten seconds."""
    world.start("rival", RIVAL)
    world.run(until=world.now)


def rivals_code(context: Any) -> Any:
    with (yield context.lock(B)):
        yield context.call_activity("slow")


RIVALS = {"rival": rivals_code}
