"""What the engine takes from the installed SDK, whichever release that is.

Custom objects, task states and function builders must be the app's own classes, or ``isinstance`` and
decoding disagree between the engine and user code. Releases differ in where things are; the differences
end here.
"""

import typing
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from azure.durable_functions.models import DurableEntityContext as _DurableEntityContext
from azure.durable_functions.models import DurableOrchestrationContext as _DurableOrchestrationContext
from azure.durable_functions.models.RetryOptions import RetryOptions
from azure.durable_functions.models.Task import TaskBase, TaskState
from azure.functions import _durable_functions as _codec
from azure.functions.decorators.function_app import FunctionBuilder

__all__ = [
    "DurableEntityContext",
    "DurableOrchestrationContext",
    "FunctionBuilder",
    "RetryOptions",
    "TaskBase",
    "TaskState",
    "builder_name",
    "builder_trigger",
    "dumps",
    "loads",
    "return_type",
]

DurableEntityContext = cast(type[Any], _DurableEntityContext)
DurableOrchestrationContext = cast(type[Any], _DurableOrchestrationContext)


def _codec_functions() -> tuple[Callable[[Any], str], Callable[..., Any]]:
    """``df_dumps`` and ``df_loads`` (azure-functions >= 1.26), else what they replaced; same wire format."""
    module = cast(Any, _codec)
    if hasattr(module, "df_dumps"):
        return module.df_dumps, module.df_loads

    import json

    def legacy_dumps(value: Any) -> str:
        return json.dumps(value, default=module._serialize_custom_object)

    def legacy_loads(text: str, expected_type: type | None = None) -> Any:
        return json.loads(text, object_hook=module._deserialize_custom_object)

    return legacy_dumps, legacy_loads


dumps, loads = _codec_functions()
"""The installed codec: ``dumps(value) -> str`` and ``loads(text, expected_type=None) -> value``."""


def builder_name(builder: Any) -> str:
    """The Python name of a decorated function: what the SDK calls it by."""
    return cast(str, builder._function._name)


def builder_trigger(builder: Any) -> str:
    """The binding type of a decorated function's trigger, ``""`` when it has none."""
    trigger = builder._function._trigger
    return "" if trigger is None else str(trigger.type)


@cache
def _return_annotation(function: Callable[..., Any]) -> type | None:
    try:
        annotation: Any = typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 - a forward reference that cannot be resolved means "unknown", as in the SDK
        annotation = None
    return annotation if isinstance(annotation, type) else None


def return_type(builder: Any) -> type | None:
    """The annotated return class of a decorated activity, which its results are decoded to."""
    return _return_annotation(builder._function._func)
