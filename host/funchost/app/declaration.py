"""A function as its author declared it, before anything about it is believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from funchost.app.spec import UserFunction

__all__ = ["Declaration", "Model"]

Model = Literal["decorators", "function.json", "function.yaml"]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What each of the programming models gives for one function.

    ``place`` is file and line for messages, ``binding_places`` the same for each of ``bindings``. ``load``
    gives the callable; it may import the function's module, and raises AppImportError, or ValueError with
    one line. ``problem`` is set when the declaration itself could not be read. ``python_name`` is the
    ``__name__`` of a decorated function.
    """

    name: str
    place: str
    model: Model
    directory: Path
    script_file: Path
    entry_point: str
    bindings: Sequence[Mapping[str, Any]]
    binding_places: Sequence[str]
    load: Callable[[], UserFunction]
    retry: Mapping[str, Any] | None = None
    disabled: Any = False
    http_type: Literal["function", "asgi", "wsgi"] = "function"
    python_name: str | None = None
    problem: str | None = None
