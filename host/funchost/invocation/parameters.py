"""Do a function's parameters and its bindings fit together? Answered once, when the function is loaded."""

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import azure.functions as func

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.values import converter_of, has_implicit_return

__all__ = ["Parameters", "match_parameters"]

# Their functions are called by position and never converted by annotation.
_CONTEXT_TRIGGERS = frozenset({"orchestrationtrigger", "entitytrigger"})
# The annotation may name the rich client or, in older apps, its JSON text.
_UNCHECKED_INPUTS = frozenset({"durableclient", "orchestrationclient"})
_UNIONS = (typing.Union, types.UnionType)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the invoker needs to know of a signature: annotations by parameter, and if it wants the context."""

    annotations: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wants_context: bool = False


def match_parameters(function: FunctionSpec) -> Parameters:
    """Raises ConfigError for any function that the programming model refuses to load."""
    if function.trigger.kind in _CONTEXT_TRIGGERS:
        return Parameters()
    signature, hints = _signature(function)
    bindings = {binding.name: binding for binding in function.bindings}
    wants_context = "context" in signature.parameters and "context" not in bindings
    if wants_context and not _is_context(hints.get("context")):
        shown = _show(hints["context"])
        _refuse(function, f"parameter 'context' is annotated {shown}, expected azure.functions.Context")
    _match_names(function, set(signature.parameters) - ({"context"} if wants_context else set()), bindings)
    for binding in function.bindings:
        _check_direction(function, binding)
        if binding.name in hints:
            _check_annotation(function, binding, hints[binding.name])
        elif binding.name == "$return" and "return" in hints:
            _check_returned(function, binding, hints["return"])
    return Parameters(hints, wants_context)


def _signature(function: FunctionSpec) -> tuple[inspect.Signature, Mapping[str, Any]]:
    try:
        signature = inspect.signature(function.call)
    except (TypeError, ValueError) as exc:
        _refuse(function, f"its parameters cannot be read: {exc}")
    annotated = function.call if inspect.isroutine(function.call) else type(function.call).__call__
    try:
        hints = typing.get_type_hints(inspect.unwrap(annotated))
    except Exception as exc:  # noqa: BLE001 - annotations are user code and raise what they like
        _refuse(function, f"its annotations cannot be resolved: {exc}")
    return signature, hints


def _match_names(function: FunctionSpec, parameters: set[str], bindings: Mapping[str, BindingSpec]) -> None:
    if unbound := sorted(parameters - bindings.keys()):
        _refuse(function, f"these parameters have no binding: {', '.join(unbound)}")
    if missing := sorted(bindings.keys() - parameters - {"$return"}):
        _refuse(function, f"these bindings have no parameter of their name: {', '.join(missing)}")


def _check_direction(function: FunctionSpec, binding: BindingSpec) -> None:
    if binding.direction is Direction.INOUT:
        _refuse(function, f"binding {binding.name!r} has direction 'inout', which is not supported")
    if binding.name == "$return" and binding.direction is not Direction.OUT:
        _refuse(function, "binding '$return' must have direction 'out'")


def _check_annotation(function: FunctionSpec, binding: BindingSpec, annotation: Any) -> None:
    is_out = annotation is func.Out or typing.get_origin(annotation) is func.Out
    where = f"parameter {binding.name!r}"
    if binding.direction is Direction.OUT:
        if annotation in (Any, object):
            return
        if not is_out:
            _refuse(function, f"{where} is an output and annotated {_show(annotation)}, expected azure.functions.Out")
        arguments = typing.get_args(annotation)
        if len(arguments) != 1:
            _refuse(function, f"{where} is annotated {_show(annotation)}: Out takes exactly one type, as in Out[str]")
        if not _may_write(binding, arguments[0]):
            _refuse(function, f"{where}: {_show(annotation)} does not fit a binding of type {binding.type}")
        return
    if is_out:
        _refuse(function, f"{where} is an input but annotated {_show(annotation)}")
    if not _is_type(annotation):
        _refuse(function, f"{where}: {_show(annotation)} is not a type")
    if not _may_read(binding, annotation):
        kind = "" if binding.data_type is None else f" with dataType {binding.data_type!r}"
        _refuse(function, f"{where}: {_show(annotation)} does not fit a binding of type {binding.type}{kind}")


def _check_returned(function: FunctionSpec, binding: BindingSpec, annotation: Any) -> None:
    if not _is_type(annotation):
        _refuse(function, f"its return annotation {_show(annotation)} is not a type")
    if not _may_write(binding, annotation):
        shown = _show(annotation)
        _refuse(function, f"its return annotation {shown} does not fit the $return binding of type {binding.type}")


def _may_read(binding: BindingSpec, annotation: Any) -> bool:
    converter = converter_of(binding)
    if converter is None or binding.kind in _UNCHECKED_INPUTS:
        return True
    if annotation in (str, bytes) and not has_implicit_return(binding):
        # The raw content: an HTTP request has none, everything else does.
        return binding.kind != "httptrigger"
    return any(_accepts(converter.check_input_type_annotation, member) for member in _members(annotation))


def _may_write(binding: BindingSpec, annotation: Any) -> bool:
    converter = converter_of(binding)
    check = getattr(converter, "check_output_type_annotation", None)
    return check is None or any(_accepts(check, member) for member in _members(annotation))


def _accepts(check: Any, annotation: Any) -> bool:
    if annotation in (Any, object):
        return True
    for spelling in (annotation, _typing_list(annotation)):
        try:
            if check(spelling):
                return True
        except TypeError:  # the SDK asks issubclass() of generic aliases too
            continue
    return False


def _typing_list(annotation: Any) -> Any:
    """``list[X]`` as ``typing.List[X]``: the SDK knows lists of its types only by the old name."""
    return typing.List[typing.get_args(annotation)[0]] if typing.get_origin(annotation) is list else annotation  # noqa: UP006


def _members(annotation: Any) -> tuple[Any, ...]:
    """``X | None`` stands for ``X``: what can be converted is accepted."""
    if typing.get_origin(annotation) not in _UNIONS:
        return (annotation,)
    return tuple(member for member in typing.get_args(annotation) if member is not type(None))


def _is_type(annotation: Any) -> bool:
    return annotation is Any or inspect.isclass(annotation) or typing.get_origin(annotation) is not None


def _is_context(annotation: Any) -> bool:
    named = (getattr(member, "__name__", None) for member in _members(annotation))
    return annotation in (None, Any, object) or "Context" in named


def _show(annotation: Any) -> str:
    return annotation.__name__ if inspect.isclass(annotation) and not typing.get_args(annotation) else repr(annotation)


def _refuse(function: FunctionSpec, why: str) -> NoReturn:
    raise ConfigError(f"cannot load the {function.name} function: {why}")
