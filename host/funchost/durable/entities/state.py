"""What is stored of an entity: one JSON object, whose members are those of the .NET engine.

A step never changes a state that it was given; it makes another. The one it came from is still true when the commit
of the step is refused.
"""

import msgspec

from funchost.durable.entities.messages import DECODING_ERRORS, Request
from funchost.durable.entities.sorter import Sorter, check
from funchost.ids import InstanceId
from funchost.instant import parse

__all__ = ["EntityState", "SpentLock", "UnreadableState", "read_state", "status_json"]


class UnreadableState(ValueError):
    """What is stored of an entity cannot be understood."""


class SpentLock(msgspec.Struct, frozen=True):
    """A lock request that must not lock any more, should it still come, or come again; forgotten after ``until``,
    which is ISO text."""

    id: str
    until: str


class EntityState(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """``state`` is the author's state as JSON text, None for none; ``exists`` says whether there is an entity.

    ``queue`` are requests that wait, in their order. ``locked_by`` is the orchestration that holds the entity and
    ``lock_ids`` are the requests by which it does; none together with a holder: any release of that holder counts.

    ``lock_ids`` and ``spent_locks`` are known to this engine alone, and missing where another has written.
    """

    exists: bool = False
    state: str | None = None
    queue: tuple[Request, ...] = ()
    locked_by: InstanceId | None = msgspec.field(default=None, name="lockedBy")
    sorter: Sorter = msgspec.field(default_factory=Sorter)
    lock_ids: tuple[str, ...] = msgspec.field(default=(), name="lockIds")
    spent_locks: tuple[SpentLock, ...] = msgspec.field(default=(), name="spentLocks")

    def to_json(self) -> str:
        return _ENCODER.encode(self).decode()


class _Existence(msgspec.Struct):
    exists: bool | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[EntityState] = msgspec.json.Decoder(EntityState)
_EXISTENCE: msgspec.json.Decoder[_Existence] = msgspec.json.Decoder(_Existence)


def read_state(text: str | None) -> EntityState:
    """None is an entity that nobody has heard of. Raises UnreadableState.

    Where ``exists`` is missing, an entity exists if it has a state; the text ``null`` is left behind by one that was
    deleted.
    """
    if text is None:
        return EntityState()
    try:
        state = _DECODER.decode(text)
        check(state.sorter)
        for spent in state.spent_locks:
            parse(spent.until)
    except DECODING_ERRORS as exc:
        raise UnreadableState(f"not the state of an entity: {exc}") from exc
    if state.exists:
        return state
    # Missing is not the same as false: the engine that keeps entities apart from orchestrations never writes it.
    if state.state not in (None, "null") and _EXISTENCE.decode(text).exists is None:
        return msgspec.structs.replace(state, exists=True)
    return state if state.state is None else msgspec.structs.replace(state, state=None)


def status_json(state: EntityState) -> str:
    """What the instance shows as its custom status."""
    shown: dict[str, object] = {}
    if state.exists:
        shown["entityExists"] = True
    if state.queue:
        shown["queueSize"] = len(state.queue)
    if state.locked_by is not None:
        shown["lockedBy"] = state.locked_by
    return msgspec.json.encode(shown).decode()
