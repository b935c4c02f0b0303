"""Bindings of all models in one spelling: names and enum values ignore case, defaults are filled in."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from funchost.app.spec import BindingSpec, Direction
from funchost.app.types import documented

__all__ = ["BindingMistake", "normalise", "normalise_all"]

_DATA_TYPES: Mapping[str, Literal["string", "binary", "stream"] | None] = {
    "string": "string",
    "binary": "binary",
    "stream": "stream",
    "undefined": None,
    "": None,
}
# Enumerations reach us as upper-case names from decorators and in any case from files.
_ENUMS = frozenset({"authlevel", "methods", "cardinality", "accessrights"})
_AUTH_LEVELS = frozenset({"anonymous", "function", "admin", "system", "user"})
_OWN = frozenset({"type", "name", "direction", "datatype"})


class BindingMistake(ValueError):
    """One line on a binding that cannot be; ``index`` is its position in the list."""

    def __init__(self, text: str, index: int) -> None:
        super().__init__(text)
        self.index = index


def normalise_all(raw: Sequence[Mapping[str, Any]], function: str) -> tuple[BindingSpec, ...]:
    """Raises :class:`BindingMistake` on the first binding that cannot be, or has the name of another."""
    bindings: dict[str, BindingSpec] = {}
    for index, item in enumerate(raw):
        try:
            binding = normalise(item, function)
        except ValueError as exc:
            raise BindingMistake(str(exc), index) from exc
        if binding.name.lower() in bindings:
            raise BindingMistake(f"two bindings are named {binding.name!r}", index)
        bindings[binding.name.lower()] = binding
    return tuple(bindings.values())


def normalise(raw: Mapping[str, Any], function: str) -> BindingSpec:
    """``function`` names the function: the default route of an HTTP trigger. Raises ValueError."""
    given = {key.lower(): value for key, value in raw.items() if value is not None}
    type_name = documented(_text(given, "type", "a binding"))
    name = _text(given, "name", f"the {type_name} binding")
    properties = {key: _folded(value) if key in _ENUMS else value for key, value in given.items() if key not in _OWN}
    if type_name == "httpTrigger":
        _complete_http(properties, function)
    return BindingSpec(type_name, name, _direction(given, name), _data_type(given, name), properties)


def _text(given: Mapping[str, Any], key: str, owner: str) -> str:
    value = given.get(key)
    if isinstance(value, str) and value:
        return value
    if value is None or value == "":
        raise ValueError(f"{owner} has no {key!r}")
    raise ValueError(f"{key!r} of {owner} must be text, not {value!r}; put it in quotes")


def _direction(given: Mapping[str, Any], name: str) -> Direction:
    value = given.get("direction")
    if value is None:
        raise ValueError(f'binding {name!r} has no \'direction\'; add "in" or "out"')
    try:
        return Direction(str(value).lower())
    except ValueError:
        raise ValueError(f'binding {name!r} has the direction {value!r}; it must be "in" or "out"') from None


def _data_type(given: Mapping[str, Any], name: str) -> Literal["string", "binary", "stream"] | None:
    value = str(given.get("datatype", "")).lower()
    if value not in _DATA_TYPES:
        raise ValueError(f'binding {name!r} has the dataType {value!r}; it must be "string", "binary" or "stream"')
    return _DATA_TYPES[value]


def _complete_http(properties: dict[str, Any], function: str) -> None:
    properties.setdefault("route", function)
    level = properties.setdefault("authlevel", "function")
    if level not in _AUTH_LEVELS:
        raise ValueError(f'authLevel is {level!r}; it must be "anonymous", "function" or "admin"')
    methods = properties.get("methods", [])
    properties["methods"] = [methods] if isinstance(methods, str) else list(methods)


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    return [_folded(item) for item in value] if isinstance(value, list | tuple) else value
