"""Functions passed by reference: whose name is meant, and which type their result has.

An object that a decorator returned is known by its Python name. A plain function is taken where it is
registered, under one name of the kind that is called; anything else is a ValueError that says what to pass.
"""

import typing
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from functools import cache
from typing import Any

from funchost.durable import sdk
from funchost.durable.functions import DurableFunctions, Kind

__all__ = ["name_of", "resolve"]

_TRIGGER_WORDS: dict[Kind, str] = {
    "activity": "ActivityTrigger",
    "orchestrator": "OrchestrationTrigger",
    "entity": "EntityTrigger",
}
_GENERATORS = frozenset({Generator, Iterator, Iterable, AsyncGenerator})


def name_of(function: Any, kind: Kind, functions: DurableFunctions) -> str:
    """A name, or that of a function passed by reference. Raises ValueError for anything else."""
    return function if isinstance(function, str) and function else resolve(function, kind, functions)[0]


def resolve(reference: Any, kind: Kind, functions: DurableFunctions) -> tuple[str, type | None]:
    """The name that is called, and the class that its function says to return (None: it does not say).

    Raises ValueError for what is no function of this kind.
    """
    if isinstance(reference, sdk.FunctionBuilder):
        name, function = _of_builder(reference, kind, functions), sdk.builder_function(reference)
    elif callable(reference):
        name, function = _of_function(reference, kind, functions), reference
    else:
        raise ValueError("function_name cannot be empty")
    if kind == "orchestrator" and (known := functions.orchestrator(name)) is not None:
        # What a decorator or wrapper of the SDK stands for says ``str``, whatever the author's function says.
        function = known.call
    return name, _result_type(getattr(function, "__func__", function))


def _of_builder(builder: Any, kind: Kind, functions: DurableFunctions) -> str:
    trigger, expected = sdk.builder_trigger(builder), _TRIGGER_WORDS[kind]
    if trigger.lower() != expected.lower():
        raise ValueError(
            f"Received function with Trigger-type `{trigger}` but expected `{expected}`. Ensure your function is "
            f"annotated with the `{expected}` decorator or directly pass in the name of the function as a string."
        )
    python_name = sdk.builder_name(builder)
    known = functions.named(python_name, kind)
    if known is not None:
        return known
    names = _registered(sdk.builder_function(builder), kind, functions)
    # Functions of several modules may share a Python name, and so an alias; the function itself is one.
    return names[0] if len(names) == 1 else functions.alias(python_name)


def _of_function(function: Callable[..., Any], kind: Kind, functions: DurableFunctions) -> str:
    names = _registered(function, kind, functions)
    if len(names) == 1:
        return names[0]
    if names:
        raise ValueError(f"the function passed is registered as {' and '.join(sorted(names))}; pass the name you mean")
    raise ValueError(
        f"a plain function was passed where the name of an {kind} is needed: decorate it with the "
        f"{_TRIGGER_WORDS[kind]} decorator, or pass the name of the function as a string"
    )


def _registered(function: Callable[..., Any], kind: Kind, functions: DurableFunctions) -> list[str]:
    names = functions.references.of(function, kind)
    if not names and kind != "activity" and (inner := sdk.wrapped_function(function)) is not None:
        return functions.references.of(inner, kind)
    return names


@cache
def _result_type(function: Callable[..., Any]) -> type | None:
    try:
        annotation: Any = typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 - a forward reference that cannot be resolved means "unknown", as in the SDK
        return None
    if annotation in _GENERATORS:
        return None
    if typing.get_origin(annotation) is Generator:
        # What a generator returns is the third of its parameters; nobody calls it for what it yields.
        parameters = typing.get_args(annotation)
        annotation = parameters[2] if len(parameters) > 2 else None
    # Any is a class of its own since Python 3.11, and no instance of anything.
    return annotation if isinstance(annotation, type) and annotation is not Any else None
