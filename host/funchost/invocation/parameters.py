"""What an invoker must know of a function's signature. That it fits the bindings was checked at load."""

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funchost.app.spec import FunctionSpec

__all__ = ["Parameters", "read_parameters"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Annotations by parameter (``return`` among them), and whether the function wants the context."""

    annotations: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wants_context: bool = False


def read_parameters(function: FunctionSpec) -> Parameters:
    """A parameter ``context`` that no binding is named after is the injected one.

    A callable that tells nothing about itself has no annotations and gets no context.
    """
    try:
        names = inspect.signature(function.call).parameters
    except (TypeError, ValueError):
        return Parameters()
    bound = any(binding.name == "context" for binding in function.bindings)
    return Parameters(_annotations(function), "context" in names and not bound)


def _annotations(function: FunctionSpec) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function.call)
    except (TypeError, NameError):
        return {}  # an object with __call__ or a partial, or a name that is known to type checkers only
