"""Functions and bindings made by hand, to invoke."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from funchost.app.spec import BindingSpec, Direction, FunctionSpec


def binding(kind: str, name: str, direction: Direction = Direction.IN, **properties: Any) -> BindingSpec:
    return BindingSpec(kind, name, direction, properties=properties)


def output(kind: str, name: str = "$return") -> BindingSpec:
    return binding(kind, name, Direction.OUT)


def function(
    call: Callable[..., Any], trigger: BindingSpec, *others: BindingSpec, name: str = "f", **changes: Any
) -> FunctionSpec:
    made = FunctionSpec(
        name=name,
        trigger=trigger,
        bindings=(trigger, *others),
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        directory=Path("/app"),
        script_file=Path("/app/function_app.py"),
        entry_point=name,
        model="decorators",
    )
    return replace(made, **changes)


def activity(call: Callable[..., Any], *others: BindingSpec, **changes: Any) -> FunctionSpec:
    """An activity whose trigger is the function's first parameter."""
    first = next(iter(inspect.signature(call).parameters))
    return function(call, binding("activityTrigger", first), *others, **changes)
