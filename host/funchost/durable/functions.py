"""The durable functions of an app, as the engine looks them up: by name, ignoring case, or by the function."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["HTTP_ACTIVITY", "DurableFunctions", "Entity", "FunctionNames", "Kind", "Orchestrator"]

Kind = Literal["activity", "orchestrator", "entity"]

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
"""The activity behind ``call_http``: every app has it, and no list of an app's own functions names it."""


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """``call`` is the author's own function; ``input_type`` what its trigger declares."""

    name: str
    call: Callable[[Any], Any]
    input_type: type | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """``call`` is the author's own function: one call for each operation."""

    name: str
    call: Callable[[Any], Any]


class FunctionNames:
    """Which names a plain function is registered under, by its kind.

    It is found by identity, else by where its code stands: a module that was imported under two names (as the
    script of a folder, and by a plain import) has two copies of each of its functions.
    """

    def __init__(self, functions: Iterable[tuple[Kind, Callable[..., Any], str]] = ()) -> None:
        self._names: dict[tuple[Kind, object], list[str]] = {}
        self._functions: list[Callable[..., Any]] = []
        for kind, function, name in functions:
            # Kept, so that its identity is never given to another.
            self._functions.append(function)
            for key in (id(function), _place(function)):
                self._names.setdefault((kind, key), []).append(name)

    def of(self, function: Callable[..., Any], kind: Kind) -> list[str]:
        """Empty when it is not registered."""
        place = _place(function)
        return self._names.get((kind, id(function))) or (self._names.get((kind, place), []) if place else [])


def _place(function: Callable[..., Any]) -> tuple[str, str, int] | None:
    """None for what is defined at run time, and may have many copies that are not the same."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    name = getattr(function, "__qualname__", "<locals>")
    return None if code is None or "<" in name else (code.co_filename, name, code.co_firstlineno)


class DurableFunctions:
    """Orchestrators, activities and entities; of activities the names only.

    ``aliases`` maps a Python name to the registered one: a decorated function passed by reference is known by
    its Python name, whatever name it was registered under. ``references`` knows plain functions.
    """

    def __init__(
        self,
        orchestrators: Iterable[Orchestrator],
        activities: Iterable[str],
        aliases: Mapping[str, str] | None = None,
        *,
        entities: Iterable[Entity] = (),
        references: FunctionNames | None = None,
    ) -> None:
        self._orchestrators = {o.name.lower(): o for o in orchestrators}
        self._activities = {name.lower(): name for name in activities}
        self._entities = {e.name.lower(): e for e in entities}
        self._aliases = {python.lower(): registered for python, registered in (aliases or {}).items()}
        self.references = references or FunctionNames()

    @property
    def orchestrator_names(self) -> list[str]:
        return [o.name for o in self._orchestrators.values()]

    @property
    def activity_names(self) -> list[str]:
        return list(self._activities.values())

    @property
    def entity_names(self) -> list[str]:
        return [e.name for e in self._entities.values()]

    def orchestrator(self, name: str) -> Orchestrator | None:
        return self._orchestrators.get(name.lower())

    def activity(self, name: str) -> str | None:
        """The registered name, or None when there is no such activity."""
        lowered = name.lower()
        return self._activities.get(lowered) or _BUILT_IN.get(lowered)

    def entity(self, name: str) -> Entity | None:
        return self._entities.get(name.lower())

    def named(self, python_name: str, kind: Kind) -> str | None:
        """The registered name of a decorated function, None when nothing goes by its Python name."""
        return python_name if python_name.lower() in self._known(kind) else None

    def alias(self, python_name: str) -> str:
        """The registered name of a decorated function by an alias, else the Python name."""
        return self._aliases.get(python_name.lower(), python_name)

    def _known(self, kind: Kind) -> Mapping[str, object]:
        if kind == "activity":
            return self._activities
        return self._orchestrators if kind == "orchestrator" else self._entities


_BUILT_IN = {HTTP_ACTIVITY.lower(): HTTP_ACTIVITY}
