"""Under which names orchestrators, activities and entities are called."""

from collections.abc import Iterable
from typing import Literal

from funchost.app.spec import FunctionApp, FunctionSpec

__all__ = ["DurableNames"]

DurableKind = Literal["orchestration", "activity", "entity"]


class DurableNames:
    """Lookup of the durable functions of an app that run, ignoring case.

    A function object passed to ``call_activity`` and its like goes by its Python name, whatever name its
    decorators gave it; such a name counts when no function is registered under it and only one has it.
    """

    def __init__(self, app: FunctionApp) -> None:
        self._registered: dict[tuple[str, str], FunctionSpec] = {}
        self._aliases: dict[tuple[str, str], FunctionSpec | None] = {}
        for function in app.functions:
            if function.runs:
                self._registered[function.trigger.kind, function.durable_name.lower()] = function
                for alias in function.aliases:
                    key = (function.trigger.kind, alias.lower())
                    self._aliases[key] = None if key in self._aliases else function

    def find(self, kind: DurableKind, name: str) -> FunctionSpec | None:
        """The function that a call of ``name`` runs."""
        key = (f"{kind}trigger", name.lower())
        return self._registered.get(key) or self._aliases.get(key)

    def listed(self, kind: DurableKind) -> list[str]:
        """The registered names of a kind, in their own spelling, sorted ignoring case."""
        return _sorted(f.durable_name for (k, _), f in self._registered.items() if k == f"{kind}trigger")


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=str.lower)
