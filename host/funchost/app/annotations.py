"""Whether values of a binding can be given to a parameter, or taken from a function, so annotated.

The converters of the SDK decide: they are what the official worker asks. A union is fine when one of
its members is.
"""

import typing
from collections.abc import Callable
from importlib import import_module
from types import UnionType
from typing import Any

from funchost.app.spec import BindingSpec

__all__ = ["accepts_input", "accepts_output", "is_context", "is_type", "out_argument"]


def accepts_input(binding: BindingSpec, annotation: Any) -> bool:
    """A parameter of exactly ``str`` or ``bytes`` takes the raw data of any binding but a request, which has none."""
    return any(
        (candidate in (str, bytes) and binding.kind != "httptrigger")
        or _allowed(binding, candidate, "check_input_type_annotation")
        for candidate in _candidates(annotation)
    )


def accepts_output(binding: BindingSpec, annotation: Any) -> bool:
    return any(_allowed(binding, candidate, "check_output_type_annotation") for candidate in _candidates(annotation))


def is_type(annotation: Any) -> bool:
    """A class, a generic alias, a union or another construct of ``typing``; not a value such as 123."""
    return (
        isinstance(annotation, type | UnionType | typing.NewType | typing.TypeVar)
        or annotation is Any
        or typing.get_origin(annotation) is not None
    )


def is_context(annotation: Any) -> bool:
    """By class name, so that an app may import it from wherever its SDK has it."""
    return any(getattr(candidate, "__name__", "") == "Context" for candidate in _candidates(annotation))


def out_argument(annotation: Any) -> tuple[bool, Any]:
    """Is it ``Out``, and the one type inside it: ``(True, None)`` for an ``Out`` without exactly one."""
    out = _sdk().Out
    if annotation is out:
        return True, None
    if typing.get_origin(annotation) is out:
        arguments = typing.get_args(annotation)
        return True, arguments[0] if len(arguments) == 1 else None
    return False, None


def _sdk() -> Any:
    # Not at the top: it is slow to import, and must come from the app's own path.
    return import_module("azure.functions")


def _candidates(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if isinstance(annotation, UnionType) or origin is typing.Union:
        return [one for member in typing.get_args(annotation) for one in _candidates(member)]
    if origin is typing.Annotated:
        return _candidates(typing.get_args(annotation)[0])
    if origin is typing.Literal:
        return [type(value) for value in typing.get_args(annotation)]
    if isinstance(annotation, typing.NewType):
        return _candidates(annotation.__supertype__)
    return [object if isinstance(annotation, typing.TypeVar) else annotation]


def _allowed(binding: BindingSpec, candidate: Any, check: str) -> bool:
    converter = _sdk().get_binding_registry().get(binding.type)
    allows: Callable[[Any], Any] | None = getattr(converter, check, None)
    if allows is None or candidate is Any or candidate is object:
        return True  # generic data: whatever comes is passed on
    return _answer(allows, candidate) or _answer(allows, typing.get_origin(candidate))


def _answer(allows: Callable[[Any], Any], candidate: Any) -> bool:
    try:
        return candidate is not None and bool(allows(candidate))
    except (TypeError, AttributeError):
        return False  # converters ask issubclass, which refuses generic aliases
