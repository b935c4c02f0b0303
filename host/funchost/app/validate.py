"""Does a function fit its bindings? The rules of the official worker, applied when the app loads.

Names must match exactly on both sides. Annotations are judged by what can be converted: one that could
never get a value is a mistake. Orchestrators and entities get their context by position and are not
checked.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from funchost.app.annotations import accepts_input, accepts_output, is_context, is_type, out_argument
from funchost.app.spec import BindingSpec, Direction

__all__ = ["check_bindings", "check_name", "check_signature"]

_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
_RETURN = "$return"


def check_name(name: str) -> None:
    """Raises ValueError when no function may have this name."""
    if _NAME.fullmatch(name) is None or name.lower() == "host":
        raise ValueError(
            f"{name!r} cannot name a function: use a letter, then up to 127 letters, digits, '_' or '-', and not 'host'"
        )


def check_bindings(bindings: tuple[BindingSpec, ...]) -> BindingSpec:
    """The one trigger. Raises ValueError when there is none or another, or a direction that cannot be."""
    triggers = [binding for binding in bindings if binding.is_trigger]
    if not triggers:
        raise ValueError("it has no trigger; a function needs exactly one")
    if len(triggers) > 1:
        raise ValueError(
            f"it has {len(triggers)} triggers ({', '.join(b.type for b in triggers)}); only one is allowed"
        )
    for binding in bindings:
        if binding.direction is Direction.INOUT:
            raise ValueError(f'binding {binding.name!r} has the direction "inout", which is not supported')
        if binding.name == _RETURN and binding.direction is not Direction.OUT:
            raise ValueError('binding "$return" must have the direction "out"')
    if triggers[0].direction is not Direction.IN:
        raise ValueError(f'trigger {triggers[0].name!r} must have the direction "in"')
    return triggers[0]


def check_signature(call: Callable[..., Any], bindings: tuple[BindingSpec, ...]) -> None:
    """Parameters against bindings. Raises ValueError with one line on the first rule that is broken."""
    parameters = _parameters(call)
    if parameters is None:
        return
    by_name = {binding.name: binding for binding in bindings if binding.name != _RETURN}
    hints = _hints(call)
    _check_names(parameters, by_name, hints)
    for name in parameters & by_name.keys() & hints.keys():
        _check_parameter(by_name[name], hints[name])
    returned = next((binding for binding in bindings if binding.name == _RETURN), None)
    if returned is not None and "return" in hints:
        _check_return(returned, hints["return"])


def _parameters(call: Callable[..., Any]) -> frozenset[str] | None:
    """None for a callable that tells nothing about itself, such as a built-in."""
    try:
        return frozenset(inspect.signature(call).parameters)
    except (TypeError, ValueError):
        return None


def _hints(call: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(call)
    except TypeError:
        return {}  # an object with __call__, or a partial: annotations are not to be had
    except Exception as exc:  # resolving evaluates what the author wrote
        raise ValueError(f"an annotation cannot be resolved: {type(exc).__name__}: {exc}") from exc


def _check_names(parameters: frozenset[str], by_name: Mapping[str, BindingSpec], hints: Mapping[str, Any]) -> None:
    unbound, missing = parameters - by_name.keys(), by_name.keys() - parameters
    if "context" in unbound:
        if "context" in hints and not is_context(hints["context"]):
            raise ValueError(f"parameter 'context' must be annotated azure.functions.Context, not {hints['context']!r}")
        unbound -= {"context"}
    parts: list[str] = []
    if unbound:
        parts.append(f"parameters without a binding: {_listed(unbound)}")
    if missing:
        parts.append(f"bindings without a parameter: {_listed(missing)}")
    if parts:
        raise ValueError("its parameters and bindings differ; " + "; ".join(parts))


def _check_parameter(binding: BindingSpec, annotation: Any) -> None:
    name = binding.name
    is_out, inside = out_argument(annotation)
    if is_out != (binding.direction is Direction.OUT):
        wanted = "must be annotated azure.functions.Out[…]" if not is_out else "cannot be annotated Out[…]"
        raise ValueError(f'parameter {name!r} {wanted}: its binding has the direction "{binding.direction.value}"')
    if is_out and inside is None:
        raise ValueError(f"parameter {name!r} is annotated {_shown(annotation)}; Out takes exactly one type")
    judged = inside if is_out else annotation
    if not is_type(judged):
        raise ValueError(f"parameter {name!r} is annotated with {_shown(judged)}, which is not a type")
    if not (accepts_output if is_out else accepts_input)(binding, judged):
        given = f" with dataType {binding.data_type}" if binding.data_type else ""
        raise ValueError(f"parameter {name!r} is annotated {_shown(annotation)}; {binding.type}{given} cannot be that")


def _check_return(binding: BindingSpec, annotation: Any) -> None:
    if not is_type(annotation):
        raise ValueError(f"the return annotation {_shown(annotation)} is not a type")
    if not accepts_output(binding, annotation):
        raise ValueError(f"the return annotation {_shown(annotation)} does not fit the {binding.type} output")


def _listed(names: typing.AbstractSet[str]) -> str:
    return ", ".join(sorted(names))


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else repr(annotation)
