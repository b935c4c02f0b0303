"""A function app as data: what every programming model is turned into, and all that the host knows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Self

from funchost.settings import RetryPolicySpec

__all__ = ["NO_TRIGGER", "BindingSpec", "Direction", "FunctionApp", "FunctionSpec", "RetryPolicySpec", "UserFunction"]

UserFunction = Callable[..., Any]


class Direction(Enum):
    IN = "in"
    OUT = "out"
    INOUT = "inout"


@dataclass(frozen=True, slots=True)
class BindingSpec:
    """One binding of a function, with its spelling normalised.

    ``type`` keeps the documented spelling (``httpTrigger``) for known types and the author's for others;
    compare it with :attr:`kind`. ``properties`` has lower-case keys and the author's values, with
    enum values as lower-case text (``authlevel``: ``"anonymous"``, ``methods``: ``["get"]``).
    """

    type: str
    name: str
    direction: Direction
    data_type: Literal["string", "binary", "stream"] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def kind(self) -> str:
        """``type`` in lower case: what to compare and dispatch on."""
        return self.type.lower()

    @property
    def is_trigger(self) -> bool:
        return self.kind.endswith("trigger")

    def get(self, name: str, default: Any = None) -> Any:
        """A property by its name in any case; ``default`` when absent or null."""
        value = self.properties.get(name.lower())
        return default if value is None else value


NO_TRIGGER = BindingSpec("none", "", Direction.IN)
"""Stands where the trigger of a function could not be read."""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function, whatever model it was written in.

    ``call`` is the author's own callable, out of the SDK's wrappers. ``rich_clients`` are the parameters
    that such a wrapper would have filled with a client object; any other durable client parameter gets
    the JSON text. ``aliases`` are further names that a function object passed to ``call_activity`` and its
    like may go by; ``input_type`` is what an orchestrator declared for its input.

    ``problem`` says in one line why the function cannot run; such a function is listed, never invoked,
    and an HTTP one answers 500 on its route. ``mistaken`` tells a mistake that its author must mend from
    a feature that this release lacks; ``framed`` is the traceback when its module does not import. A
    function whose trigger cannot be read has :data:`NO_TRIGGER`.
    """

    name: str
    trigger: BindingSpec
    bindings: tuple[BindingSpec, ...]
    call: UserFunction
    is_async: bool
    directory: Path
    script_file: Path
    entry_point: str
    model: Literal["decorators", "function.json", "function.yaml"]
    retry: RetryPolicySpec | None = None
    http_type: Literal["function", "asgi", "wsgi"] = "function"
    disabled: bool = False
    problem: str | None = None
    mistaken: bool = False
    framed: str = ""
    rich_clients: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    input_type: type | None = None

    @property
    def durable_name(self) -> str:
        """Under which orchestrators, activities and entities are called (spec: the binding's own name first)."""
        for key in ("orchestration", "activity", "entityName"):
            if name := self.trigger.get(key):
                return str(name)
        return self.name

    def also_called(self, python_name: str | None) -> Self:
        """The function with its Python name as an alias, where that is not its durable name anyway."""
        if not python_name or python_name.lower() == self.durable_name.lower():
            return self
        return replace(self, aliases=(*self.aliases, python_name))

    def inputs(self) -> tuple[BindingSpec, ...]:
        """Every ``in`` binding but the trigger."""
        return tuple(b for b in self.bindings if b.direction is Direction.IN and b is not self.trigger)

    def outputs(self) -> tuple[BindingSpec, ...]:
        """Every ``out`` binding, ``$return`` included."""
        return tuple(b for b in self.bindings if b.direction is Direction.OUT)

    @property
    def runs(self) -> bool:
        return not self.disabled and self.problem is None


@dataclass(frozen=True, slots=True)
class FunctionApp:
    """A loaded app: its functions by name (ordinal, ignoring case) and what to tell the user about it."""

    root: Path
    functions: tuple[FunctionSpec, ...]
    notes: tuple[str, ...] = ()

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What authors must mend, one line a function; disabled functions are left in peace."""
        return tuple(f.problem for f in self.functions if f.mistaken and f.problem and not f.disabled)

    def find(self, name: str) -> FunctionSpec | None:
        """By function name, ignoring case."""
        wanted = name.lower()
        return next((f for f in self.functions if f.name.lower() == wanted), None)
