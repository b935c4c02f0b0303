"""How user code names a function: by its name, or by the decorated function itself."""

from typing import Any

from funchost.durable import sdk
from funchost.durable.functions import DurableFunctions

__all__ = ["name_of"]

_TRIGGER_WORDS = {"activity": "ActivityTrigger", "orchestrator": "OrchestrationTrigger", "entity": "EntityTrigger"}


def name_of(function: Any, kind: str, functions: DurableFunctions) -> str:
    """A name, or the registered name of a decorated function. Raises ValueError for anything else.

    ``kind`` is ``activity``, ``orchestrator`` or ``entity``.
    """
    if isinstance(function, str) and function:
        return function
    if isinstance(function, sdk.FunctionBuilder):
        return _name_of_builder(function, kind, functions)
    if callable(function):
        raise ValueError(
            f"a plain function was passed where the name of an {kind} is needed: decorate it with the "
            f"{_TRIGGER_WORDS[kind]} decorator, or pass the name of the function as a string"
        )
    raise ValueError("function_name cannot be empty")


def _name_of_builder(builder: Any, kind: str, functions: DurableFunctions) -> str:
    trigger = sdk.builder_trigger(builder)
    expected = _TRIGGER_WORDS[kind]
    if trigger.lower() != expected.lower():
        raise ValueError(
            f"Received function with Trigger-type `{trigger}` but expected `{expected}`. Ensure your function is "
            f"annotated with the `{expected}` decorator or directly pass in the name of the function as a string."
        )
    return functions.registered(sdk.builder_name(builder), among=kind)
