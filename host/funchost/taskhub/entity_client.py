"""The client of entities: what apps, tools and the HTTP API may ask of them.

An entity is read from what its last batch has stored; asking it for something is a message, which nobody answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from funchost.clock import Clock, new_uuid
from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import ORPHANED_LOCK, RELEASE, Release, signal_request
from funchost.durable.entities.outbox import request_to
from funchost.durable.entities.state import EntityState, read_state
from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus
from funchost.durable.texts import unknown_function
from funchost.errors import InvalidArgument
from funchost.instant import Instant, parse, ticks_of
from funchost.taskhub import Instance, PageToken, Query, TaskHub

__all__ = ["Cleaned", "EntityClient", "EntityPage", "EntityView"]

_HOLDING = frozenset({RuntimeStatus.RUNNING, RuntimeStatus.SUSPENDED})
"""States in which an orchestration may hold locks."""


@dataclass(frozen=True, slots=True)
class EntityView:
    """An entity that exists. ``state`` is JSON text, None when it was not asked for."""

    key: EntityKey
    last_operation: Instant
    state: str | None


@dataclass(frozen=True, slots=True)
class EntityPage:
    """May be short, or empty, while there is a next one: entities that do not exist are left out."""

    entities: Sequence[EntityView]
    next: PageToken | None = None


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many entities were removed because nothing was in them, and how many locks of the dead were released."""

    removed: int = 0
    released: int = 0


class EntityClient:
    """Asks ``hub`` on behalf of one app.

    ``functions`` maps the lower-case names of its entity functions to the names they are registered under; it is read
    at each use. Coroutines run on the loop that opened the hub.
    """

    def __init__(self, hub: TaskHub, clock: Clock, *, functions: Mapping[str, str]) -> None:
        self._hub = hub
        self._clock = clock
        self._functions = functions

    @property
    def hub_name(self) -> str:
        return self._hub.name

    async def signal(
        self, entity: EntityKey, operation: str, input_text: str | None, *, due: Instant | None = None
    ) -> None:
        """Durable when it returns. ``input_text`` is JSON text.

        Raises InvalidArgument for an unknown function and for an operation that cannot be sent.
        """
        if entity.name not in self._functions:
            raise InvalidArgument(unknown_function(entity.name, "entity", self._functions.values()))
        message = request_to(entity, signal_request(operation, input_text, request_id=str(new_uuid()), due=due))
        event = EventRaised(timestamp=self._clock.now(), name=message.name, input=message.input)
        await self._hub.send(message.to, event, due=message.due)

    async def state(self, entity: EntityKey) -> str | None:
        """JSON text; None when the entity does not exist. Raises UnreadableState."""
        instance = await self._hub.read(entity.instance_id)
        if instance is None:
            return None
        state = read_state(instance.input)
        return (state.state or "null") if state.exists else None

    async def list(self, query: Query, *, page: PageToken | None = None) -> EntityPage:
        """Those of ``query`` that exist; its ``payloads`` says whether their states are wanted."""
        found = await self._hub.list(replace(query, entities=True, payloads=True), page=page)
        views = [view for instance in found.instances if (view := _view(instance, query.payloads)) is not None]
        return EntityPage(views, found.next)

    async def clean(self, *, unused_for: timedelta, page_size: int = 100) -> Cleaned:
        """Remove entities in which nothing is, and release locks whose holders are gone.

        An entity is removed when it does not exist, is unlocked, nothing waits for it and nothing has come for
        ``unused_for``. One step a page, so that commits of others get in between.
        """
        unused_since = Instant(self._clock.now() - ticks_of(unused_for))
        removed = released = 0
        query = Query(entities=True, top=page_size)
        page = await self._hub.list(query)
        while True:
            for instance in page.instances:
                state = _readable(instance.input)
                if state is None:
                    continue
                if state.locked_by is not None:
                    released += await self._release_orphan(instance, state)
                elif self._is_empty(state) and instance.updated <= unused_since:
                    # Something may have come for it since it was read.
                    removed += await self._hub.purge(instance.id, idle_since=unused_since)
            if page.next is None:
                return Cleaned(removed, released)
            page = await self._hub.list(query, page=page.next)

    def _is_empty(self, state: EntityState) -> bool:
        """Nothing is lost with it: locks that are still to be refused count as something."""
        spent = any(parse(lock.until) > self._clock.now() for lock in state.spent_locks)
        return not (state.exists or state.queue or spent)

    async def _release_orphan(self, entity: Instance, state: EntityState) -> bool:
        holder = state.locked_by
        assert holder is not None
        there = await self._hub.read(holder, payloads=False)
        if there is not None and there.status in _HOLDING:
            return False
        for lock_id in state.lock_ids or (ORPHANED_LOCK,):
            release = Release(holder, lock_id)
            event = EventRaised(timestamp=self._clock.now(), name=RELEASE, input=release.to_json())
            await self._hub.send(entity.id, event)
        return True


def _view(instance: Instance, with_state: bool) -> EntityView | None:
    state = _readable(instance.input)
    if state is None or not state.exists:
        return None
    return EntityView(entity_of(instance.id), instance.updated, (state.state or "null") if with_state else None)


def _readable(text: str | None) -> EntityState | None:
    """None: one damaged entity must not hide the others of a list."""
    try:
        return read_state(text)
    except ValueError:
        return None
