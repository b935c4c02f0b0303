"""What crosses between bindings and user code: inputs, outputs, and the SDK's own conversions.

The SDK's converters take and give ``Datum(value, type)``. Using them, rather than conversions of our own,
makes every release of the SDK accept and refuse exactly what its documentation says.
"""

import inspect
import json
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

from funchost.app.spec import BindingSpec
from funchost.invocation.invocation import Invocation

__all__ = [
    "AsyncInput",
    "Datum",
    "Input",
    "OutValue",
    "Output",
    "converter_of",
    "decode",
    "encoder",
    "has_implicit_return",
]


@dataclass(frozen=True, slots=True)
class Input:
    """An input binding that is read where the function runs; ``read`` must not block for long."""

    name: str
    read: Callable[[Invocation], Any]


@dataclass(frozen=True, slots=True)
class AsyncInput:
    """An input binding that is read on the loop before the function is called."""

    name: str
    read: Callable[[Invocation], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Output:
    """An output binding. ``name`` is a parameter, or ``$return``.

    ``encode`` runs where the function ran and refuses, by an exception, what cannot be written; it never
    gives None. ``write`` runs on the loop after the function returned and all its outputs were encoded;
    without it the encoded value is the answer to whoever called (an HTTP response).
    """

    name: str
    encode: Callable[[Any], Any]
    write: Callable[[Invocation, Any], Awaitable[None]] | None = None


class OutValue(func.Out[Any]):
    """What user code sees of an output parameter; None means that it was not set."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


def converter_of(binding: BindingSpec) -> Any:
    """The SDK's converter class for a binding, None for types it does not know (generic bindings)."""
    registry: Any = func.get_binding_registry()
    return registry.get(binding.type)


def has_implicit_return(binding: BindingSpec) -> bool:
    """May a function with this binding return a value without an output named ``$return``?"""
    converter = converter_of(binding)
    return True if converter is None else bool(getattr(converter, "has_implicit_output", bool)())


def decode(binding: BindingSpec, annotation: Any, datum: Datum, metadata: Mapping[str, Datum]) -> Any:
    """The value for a parameter. ``str`` and ``bytes`` ask for the raw content, others for the SDK's type."""
    converter = converter_of(binding)
    wants_raw = annotation in (str, bytes) and not has_implicit_return(binding)
    if converter is not None and not wants_raw:
        return converter.decode(datum, trigger_metadata=metadata)
    value = datum.value
    if annotation is bytes and isinstance(value, str):
        return value.encode()
    if annotation is str and isinstance(value, bytes):
        return value.decode()
    return value


def encoder(binding: BindingSpec, annotation: Any = None) -> Callable[[Any], Datum]:
    """How values of an output become data; the function raises TypeError on what the binding cannot take."""
    converter = converter_of(binding)
    if converter is None or not hasattr(converter, "encode"):
        return _encode_generic
    expected = _out_argument(annotation)

    def encode(value: Any) -> Datum:
        try:
            return converter.encode(value, expected_type=expected)
        except NotImplementedError:
            raise TypeError(
                f"a value of type {type(value).__name__} cannot be written to output {binding.name!r} ({binding.type})"
            ) from None

    return encode


def _encode_generic(value: Any) -> Datum:
    match value:
        case str():
            return Datum(value, "string")
        case bytes() | bytearray():
            return Datum(bytes(value), "bytes")
        case dict() | list() | bool():
            return Datum(json.dumps(value), "json")
        case int():
            return Datum(value, "int")
        case float():
            return Datum(value, "double")
        case None:
            return Datum(None, None)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} cannot be written to a generic output")


def _out_argument(annotation: object) -> type | None:
    arguments = typing.get_args(annotation)
    if arguments and inspect.isclass(arguments[0]):
        return arguments[0]
    return annotation if inspect.isclass(annotation) else None
