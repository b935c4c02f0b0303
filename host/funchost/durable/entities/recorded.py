"""What a history tells of the requests that an orchestration has sent to entities."""

from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import (
    DECODING_ERRORS,
    RELEASE,
    EntityMessageError,
    LockRef,
    Release,
    read_release,
)
from funchost.durable.events import EventSent, HistoryEvent
from funchost.ids import InstanceId

__all__ = ["RecordedRequest", "open_locks", "read_recorded"]


class RecordedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that was sent, whichever engine wrote it. Its input is skipped: a replay has no use for it."""

    id: str
    op: str | None = None
    signal: bool = False
    parent: InstanceId | None = None
    lockset: Sequence[LockRef] | None = None

    @property
    def locked(self) -> list[EntityKey]:
        """What a lock request asks for, in the order of locking; empty for an operation."""
        return [member.entity for member in self.lockset or ()]


_DECODER: msgspec.json.Decoder[RecordedRequest] = msgspec.json.Decoder(RecordedRequest)


def read_recorded(text: str | None) -> RecordedRequest:
    """Raises EntityMessageError for what is no request to an entity."""
    try:
        return _DECODER.decode(text or "")
    except DECODING_ERRORS as exc:
        raise EntityMessageError(f"not a request to an entity: {exc}") from exc


def open_locks(history: Iterable[HistoryEvent]) -> list[tuple[EntityKey, Release]]:
    """The releases that are still to be sent when this execution ends here: one to each entity of a lock request
    that the history holds no release of, in the order of asking. A request that is on its way counts too.

    Other events of the same names, and what cannot be read, are passed over: the history may be damaged.
    """
    unreleased: dict[str, list[tuple[EntityKey, Release]]] = {}
    for event in history:
        if isinstance(event, EventSent):
            try:
                _follow(event, unreleased)
            except DECODING_ERRORS:
                continue
    return list(chain.from_iterable(unreleased.values()))


def _follow(event: EventSent, unreleased: dict[str, list[tuple[EntityKey, Release]]]) -> None:
    if event.name == RELEASE:
        lock, entity = read_release(event.input).id, entity_of(event.instance_id)
        unreleased[lock] = [pair for pair in unreleased.get(lock, ()) if pair[0] != entity]
        return
    request = read_recorded(event.input)
    if request.parent is not None:
        release = Release(request.parent, request.id)
        unreleased.setdefault(request.id, [(entity, release) for entity in request.locked])
