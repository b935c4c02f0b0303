"""What the orchestrators of the host under test are made of."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from funchost.durable.status import RuntimeStatus

__all__ = ["Code", "Flow", "add", "gate"]

Code = Generator[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Flow:
    """``expected`` gives the output for an input."""

    call: Callable[[Any], Code]
    expected: Callable[[dict[str, Any]], Any]
    status: RuntimeStatus = RuntimeStatus.COMPLETED


def add(context: Any, value: int, name: str = "add") -> Code:
    answer = yield context.call_activity(name, value)
    return answer["value"]


def gate(context: Any, step: int) -> Code:
    if context.get_input().get("gate") == step:
        yield context.wait_for_external_event("go")
