"""The durable functions of an app, as the engine looks them up: by name, ignoring case."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["HTTP_ACTIVITY", "DurableFunctions", "Entity", "Orchestrator"]

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


class DurableFunctions:
    """Orchestrators, activities and entities; of activities the names only.

    ``aliases`` maps a Python name to the registered one: a decorated function passed by reference is known by
    its Python name, whatever name it was registered under.
    """

    def __init__(
        self,
        orchestrators: Iterable[Orchestrator],
        activities: Iterable[str],
        aliases: Mapping[str, str] | None = None,
        *,
        entities: Iterable[Entity] = (),
    ) -> None:
        self._orchestrators = {o.name.lower(): o for o in orchestrators}
        self._activities = {name.lower(): name for name in activities}
        self._entities = {e.name.lower(): e for e in entities}
        self._aliases = {python.lower(): registered for python, registered in (aliases or {}).items()}

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

    def registered(self, python_name: str, *, among: str) -> str:
        """The registered name of a function passed by reference; ``among`` is ``activity``, ``orchestrator``
        or ``entity``."""
        if python_name.lower() in self._known(among):
            return python_name
        return self._aliases.get(python_name.lower(), python_name)

    def _known(self, kind: str) -> Mapping[str, object]:
        if kind == "activity":
            return self._activities
        return self._orchestrators if kind == "orchestrator" else self._entities


_BUILT_IN = {HTTP_ACTIVITY.lower(): HTTP_ACTIVITY}
