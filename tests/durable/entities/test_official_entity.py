"""The installed SDK runs batches of operations alike.

Left out, because the host departs on purpose: operations without an input (the SDK breaks), operations that set
no result (the SDK gives them that of an earlier one), results that are changed after they were set, and what
cannot be serialised.
"""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.entities.playing import answers, called, error, play
from durable.official_entity import Batch, official_batch
from durable.releases import needs_central_codec
from funchost.durable.entities.state import EntityState

pytestmark = needs_central_codec  # as old as the lazy state that this is compared with

STEPS = ("read", "read or [0]", "set", "change", "delete", "fail", "facts")


def scripted(context: Any) -> None:
    """Carries out the steps of its input, in order; what they saw is its result."""
    seen: list[Any] = []
    context.set_result(None)
    for step, value in context.get_input():
        seen.append(one_step(context, step, value))
    context.set_result(seen)


def one_step(context: Any, step: str, value: Any) -> Any:
    match step:
        case "read":
            return deepcopy(context.get_state())
        case "read or [0]":
            return deepcopy(context.get_state(lambda: [0]))
        case "set":
            return context.set_state(value)
        case "change":
            return context.get_state(list).append(value)
        case "delete":
            return context.destruct_on_exit()
        case "fail":
            raise ValueError(f"failed with {value}")
        case _:
            return [context.entity_name, context.entity_key, context.operation_name, context.is_newly_constructed]


def our_batch(state: str | None, operations: list[tuple[str, Any]]) -> Batch:
    received = [called(name, value, id=f"{n}") for n, (name, value) in enumerate(operations)]
    step = play(scripted, *received, state=EntityState(exists=state is not None, state=state))
    told = answers(step)
    results = [told[f"{n}"] for n in range(len(operations))]
    return Batch(
        [(isinstance(result, error), str(result) if isinstance(result, error) else result) for result in results],
        step.state.exists,
        step.state.state,
    )


def assert_agreement(state: str | None, operations: list[tuple[str, Any]]) -> None:
    assert our_batch(state, operations) == official_batch(scripted, state, operations)


BY_HAND: list[list[list[tuple[str, Any]]]] = [
    [[("read", 0)]],
    [[("facts", 0), ("read or [0]", 0)]],
    [[("set", 10)], [("read", 0)]],
    [[("change", 1)], [("read", 0)]],
    [[("set", 5), ("fail", 1)], [("read", 0)]],
    [[("delete", 0)], [("read", 0), ("read or [0]", 0)], [("set", 3)]],
    [[("set", 1)], [("delete", 0)]],
]


@pytest.mark.parametrize("state", [None, "[1, 2]", '{"a" :  "\\u00e9"}', "0"])
@pytest.mark.parametrize("batch", BY_HAND)
def test_the_sdk_agrees_on_batches_by_hand(state: str | None, batch: list[Any]):
    assert_agreement(state, [("op", steps) for steps in batch])


VALUES = st.sampled_from([0, 7, "", "é", False, [], [1], {"a": [None]}])
STATES = st.sampled_from([None, "[1, 2]", '{"a" :1}', "0", '""', "false"])
OPERATIONS = st.tuples(
    st.sampled_from(["op", "Other"]), st.lists(st.tuples(st.sampled_from(STEPS), VALUES), max_size=4)
)


@given(STATES, st.lists(OPERATIONS, min_size=1, max_size=5))
@settings(max_examples=200, deadline=None, database=None)
def test_the_sdk_agrees_on_random_batches(state: str | None, operations: list[tuple[str, Any]]):
    assert_agreement(state, operations)
