"""The installed SDK's own runner of entities, fed with a batch of operations."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import azure.durable_functions as df

__all__ = ["Batch", "official_batch"]


@dataclass(frozen=True)
class Batch:
    """What a batch leaves behind: each operation's decoded result, with whether it is an error, and the state."""

    results: list[tuple[bool, Any]]
    exists: bool
    state: str | None
    """As JSON text; None where there is none."""


def official_batch(function: Callable[[Any], Any], state: str | None, operations: Sequence[tuple[str, Any]]) -> Batch:
    """``operations`` are names and inputs; the entity is ``@counter@a`` and exists when it has a state."""
    batch = [
        # Encoded once by whoever calls and once more on its way, as inputs reach the SDK.
        {"name": name, "input": json.dumps(json.dumps(value)), "isSignal": False}
        for name, value in operations
    ]
    body = {
        "self": {"name": "counter", "key": "a"},
        "exists": state is not None,
        "state": state,
        "batch": batch,
    }
    told = json.loads(cast(Any, df.Entity).create(function)(json.dumps(body)))
    return Batch(
        [(result["isError"], json.loads(result["result"])) for result in told["results"]],
        told["entityExists"],
        told["entityState"] if told["entityExists"] else None,
    )
