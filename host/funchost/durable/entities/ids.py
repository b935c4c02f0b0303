"""How entities are named: ``@name@key``, the name in lower case, the key as it is."""

from dataclasses import dataclass
from typing import Any

from funchost.ids import InstanceId, illegal_in_ids

__all__ = ["EntityKey", "entity_key", "entity_of", "is_entity"]


@dataclass(frozen=True, slots=True, order=True)
class EntityKey:
    """One entity. The order is that in which locks are taken: ordinal, by name and key."""

    name: str
    key: str

    def __post_init__(self) -> None:
        if not self.name.islower():
            object.__setattr__(self, "name", self.name.lower())

    @property
    def instance_id(self) -> InstanceId:
        return InstanceId(f"@{self.name}@{self.key}")

    def __str__(self) -> str:
        return self.instance_id


def is_entity(instance_id: str) -> bool:
    return instance_id.startswith("@")


def entity_of(instance_id: str) -> EntityKey:
    """Cut at the first ``@`` after the leading one: keys may hold more of them, and may be empty.

    Raises ValueError for what is no entity's id.
    """
    name, at, key = instance_id[1:].partition("@")
    if not (is_entity(instance_id) and name and at):
        raise ValueError(f"not the id of an entity: {instance_id!r}; such ids are '@name@key'")
    return EntityKey(name, key)


def entity_key(given: Any) -> EntityKey:
    """From what user code names an entity by: the SDK's ``EntityId``, or anything else with a name and a key.

    Raises ValueError.
    """
    name, key = getattr(given, "name", None), getattr(given, "key", None)
    if not (isinstance(name, str) and isinstance(key, str) and name):
        raise ValueError(f"an entity is named by an EntityId, not by {given!r}")
    if illegal_in_ids(key):
        raise ValueError(f"entity keys must not contain /, \\, #, ?, or control characters: {key!r}")
    return EntityKey(name, key)
