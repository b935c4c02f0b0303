"""funchost: a host for Azure-Functions-style Python apps.

What apps import from here is loaded when it is first asked for: the engine behind it takes longer to import than
the command takes to start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funchost.durable.context import OrchestrationContext
    from funchost.durable.entities.context import EntityContext
    from funchost.durable.retry import RetryPolicy

__version__ = "0.1.0"

__all__ = ["EntityContext", "OrchestrationContext", "RetryPolicy", "__version__"]

_HOMES = {
    "EntityContext": "funchost.durable.entities.context",
    "OrchestrationContext": "funchost.durable.context",
    "RetryPolicy": "funchost.durable.retry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
