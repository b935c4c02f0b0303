"""What the engine takes from the installed SDK, whichever release that is.

Custom objects, task states and function builders must be the app's own classes, or ``isinstance`` and
decoding disagree between the engine and user code. Releases differ in where things are; the differences
end here.
"""

from collections.abc import Callable
from typing import Any, cast

from azure.durable_functions.models import DurableEntityContext as _DurableEntityContext
from azure.durable_functions.models import DurableOrchestrationContext as _DurableOrchestrationContext
from azure.durable_functions.models.RetryOptions import RetryOptions
from azure.durable_functions.models.Task import CompoundTask, TaskBase, TaskState
from azure.functions import _durable_functions as _codec
from azure.functions.decorators.function_app import FunctionBuilder

__all__ = [
    "CompoundTask",
    "DurableEntityContext",
    "DurableOrchestrationContext",
    "FunctionBuilder",
    "RetryOptions",
    "TaskBase",
    "TaskState",
    "builder_function",
    "builder_name",
    "builder_trigger",
    "dumps",
    "loads",
    "wrapped_function",
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


def builder_function(builder: Any) -> Callable[..., Any]:
    """The function inside: the author's, or the SDK's wrapper of it."""
    return cast(Callable[..., Any], builder._function._func)


def wrapped_function(wrapper: Callable[..., Any]) -> Any:
    """What ``Orchestrator.create`` or ``Entity.create`` was given, None for anything else and in releases that do
    not tell."""
    return getattr(wrapper, "orchestrator_function", None) or getattr(wrapper, "entity_function", None)
