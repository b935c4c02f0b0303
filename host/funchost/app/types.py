"""The binding types there are: their documented spelling, and which of them can be had."""

from funchost.app.spec import BindingSpec, Direction

__all__ = ["AVAILABLE", "documented", "missing_feature"]

# fmt: off
_OURS = (
    "httpTrigger", "http", "timerTrigger", "queueTrigger", "queue", "blobTrigger", "blob", "table",
    "warmupTrigger", "orchestrationTrigger", "activityTrigger", "entityTrigger", "durableClient",
    "orchestrationClient",
)
_OF_OTHER_SERVICES = (
    "serviceBusTrigger", "serviceBus", "eventHubTrigger", "eventHub", "eventGridTrigger", "eventGrid",
    "cosmosDBTrigger", "cosmosDB", "sqlTrigger", "sql", "mysqlTrigger", "mysql", "kafkaTrigger", "kafka",
    "daprServiceInvocationTrigger", "daprBindingTrigger", "daprTopicTrigger", "daprState", "daprSecret",
    "daprInvoke", "daprPublish", "daprBinding", "assistantSkillTrigger", "textCompletion", "assistantCreate",
    "assistantQuery", "assistantPost", "embeddings", "embeddingsStore", "semanticSearch", "mcpToolTrigger",
    "mcpResourceTrigger", "mcpPromptTrigger", "connectorTrigger",
)
# fmt: on
_SPELLING = {name.lower(): name for name in (*_OURS, *_OF_OTHER_SERVICES)}
_OURS_LOWER = frozenset(name.lower() for name in _OURS)
_CLIENTS = frozenset({"durableclient", "orchestrationclient"})

AVAILABLE = frozenset({"httptrigger", "orchestrationtrigger", "activitytrigger", "entitytrigger"})
"""Kinds (lower-case types) of the triggers that every host has."""


def documented(type_name: str) -> str:
    """The documented spelling of a type in any case; types that nobody documents stay as they are."""
    return _SPELLING.get(type_name.lower(), type_name)


def missing_feature(bindings: tuple[BindingSpec, ...], available: frozenset[str]) -> str | None:
    """Why no host with only the ``available`` kinds can run a function with these bindings; None when it can.

    Outputs never count: a function may have one and set no value.
    """
    for binding in bindings:
        if binding.direction is Direction.OUT or binding.kind in available or binding.kind in _CLIENTS:
            continue
        what = binding.type if binding.is_trigger else f"the input binding {binding.type}"
        if binding.kind in _OURS_LOWER:
            return f"{what} is not available in this release"
        return f"{what} is not supported"
    return None
