"""The client of a task hub: what apps, tools and the HTTP API may ask of an instance.

It adds to the hub what holds for every store: which instance ids are legal, which functions can be
started, and in which state an instance takes which message. A message for an instance is sent through
an :class:`Instance` that :meth:`HubClient.open` has checked; one that finishes in between drops it.
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from funchost.clock import Clock, new_guid
from funchost.durable.entities.ids import is_entity
from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    TraceContext,
)
from funchost.durable.labels import checked_text
from funchost.durable.status import NON_RUNNING, TERMINAL, RuntimeStatus
from funchost.durable.texts import unknown_function
from funchost.errors import InstanceGone, InstanceNotFound, InvalidArgument, InvalidOperation
from funchost.ids import InstanceId, instance_id_of
from funchost.instant import Instant
from funchost.taskhub import Instance, NewInstance, Query, TaskHub
from funchost.taskhub.entity_client import EntityClient
from funchost.taskhub.rewinding import rewinds_of

__all__ = ["HubClient"]

_REWIND_ATTEMPTS = 5

_SHORTEST_POLL_S = 0.02
"""An interval of 0 is legal for a caller and would keep a core busy."""


class HubClient:
    """Asks ``hub`` on behalf of one app.

    ``orchestrators`` and ``entities`` map the lower-case names of the functions to the names they are registered
    under; they are read at each use. ``replacing`` are the states in which a start takes the
    place of an existing instance. Coroutines run on the loop that opened the hub.
    """

    def __init__(
        self,
        hub: TaskHub,
        clock: Clock,
        *,
        orchestrators: Mapping[str, str],
        entities: Mapping[str, str] | None = None,
        replacing: frozenset[RuntimeStatus] = NON_RUNNING,
        default_version: str = "",
    ) -> None:
        self.hub = hub
        self.entities = EntityClient(hub, clock, functions={} if entities is None else entities)
        self._clock = clock
        self._orchestrators = orchestrators
        self._replacing = replacing
        self._default_version = default_version
        self._waits: set[asyncio.Event] = set()
        self._stopping = False

    async def start(
        self,
        name: str,
        *,
        instance_id: str | None = None,
        input_text: str | None = None,
        version: str | None = None,
        trace: TraceContext | None = None,
        start_at: Instant | None = None,
        tags: Mapping[str, str] | None = None,
        replacing: frozenset[RuntimeStatus] | None = None,
    ) -> InstanceId:
        """Durable when it returns. ``input_text`` is JSON text; no or an empty id draws a new one.

        ``start_at``: it is pending until then. ``replacing`` are the states in which an existing instance gives way, if
        they are to be others than those of the app.

        Raises InvalidArgument for an unknown function or a bad id, InstanceExists.
        """
        registered = self._registered(name)
        new_id = instance_id_of(instance_id) if instance_id else InstanceId(new_guid())
        new = NewInstance(
            id=new_id,
            name=registered,
            input=input_text,
            version=self._default_version if version is None else version,
            tags=tags,
            scheduled_start=start_at,
            trace=trace,
        )
        await self.hub.start(new, replacing=self._replacing if replacing is None else replacing)
        return new_id

    async def restart(self, instance_id: str, *, new_id: bool) -> InstanceId:
        """Start the function of an existing instance again with the same input and tags, under a new id or its own.

        Raises InstanceNotFound (also for an entity, which was never started), InvalidArgument when its function is
        gone, InstanceExists.
        """
        if is_entity(instance_id):
            raise InstanceNotFound(instance_id)
        old = await self.read(instance_id)
        return await self.start(old.name, instance_id=None if new_id else old.id, input_text=old.input, tags=old.tags)

    async def read(self, instance_id: str) -> Instance:
        """Raises InstanceNotFound."""
        instance = await self.hub.read(InstanceId(instance_id))
        if instance is None:
            raise InstanceNotFound(instance_id)
        return instance

    async def open(self, instance_id: str) -> Instance:
        """An instance that takes messages. Raises InstanceNotFound, InstanceGone."""
        instance = await self.hub.read(InstanceId(instance_id), payloads=False)
        if instance is None:
            raise InstanceNotFound(instance_id)
        if instance.status.is_terminal:
            raise InstanceGone(instance_id, instance.status.value)
        return instance

    async def raise_event(self, instance: Instance, name: str, input_text: str) -> None:
        """``input_text`` is JSON text, and stays as it is however often a caller has encoded it.

        Raises InvalidArgument for a name that cannot be stored."""
        name = checked_text(name, "the name of an event")
        await self.hub.send(instance.id, EventRaised(timestamp=self._clock.now(), name=name, input=input_text))

    async def terminate(self, instance: Instance, reason: str | None, *, recurse: bool = False) -> None:
        """``reason`` becomes the output of the instance; with ``recurse`` also that of the sub-orchestrations that
        still run, and theirs."""
        terminated = ExecutionTerminated(timestamp=self._clock.now(), reason=reason, recurse=recurse)
        await self.hub.send(instance.id, terminated)

    async def suspend(self, instance: Instance, reason: str | None) -> None:
        """Raises InvalidOperation when it is suspended already."""
        if instance.status is RuntimeStatus.SUSPENDED:
            raise InvalidOperation(_not_in_this_state("suspend", instance))
        await self.hub.send(instance.id, ExecutionSuspended(timestamp=self._clock.now(), reason=reason))

    async def resume(self, instance: Instance, reason: str | None) -> None:
        """Raises InvalidOperation when it is not suspended."""
        if instance.status is not RuntimeStatus.SUSPENDED:
            raise InvalidOperation(_not_in_this_state("resume", instance))
        await self.hub.send(instance.id, ExecutionResumed(timestamp=self._clock.now(), reason=reason))

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """Let a failed instance go on from before its failure, and with it the children that it failed of.

        Raises InstanceNotFound, InstanceGone for one that finished without failing, and InvalidOperation for one that
        has not failed or cannot go on.
        """
        for _ in range(_REWIND_ATTEMPTS):
            instance = await self.read(instance_id)
            if instance.status.is_terminal and instance.status is not RuntimeStatus.FAILED:
                raise InstanceGone(instance_id, instance.status.value)
            if instance.status is not RuntimeStatus.FAILED:
                raise InvalidOperation("The rewind operation is only supported on failed orchestration instances.")
            # A family that changes while it is looked at is looked at again: mostly it has been rewound meanwhile.
            if await self.hub.rewind(await rewinds_of(self.hub, instance), reason):
                return
        raise InvalidOperation(f"The instance {instance_id} could not be rewound: it or a child of it keeps changing.")

    async def purge(self, instance_id: str) -> None:
        """Remove one instance, without its children. Raises InstanceNotFound, and InvalidOperation for an
        orchestration that is not finished."""
        key = InstanceId(instance_id)
        if await self.hub.purge(key, statuses=None if is_entity(key) else TERMINAL):
            return
        instance = await self.hub.read(key, payloads=False)
        if instance is None:
            raise InstanceNotFound(instance_id)
        raise InvalidOperation(_not_in_this_state("purge", instance))

    async def purge_finished(self, query: Query) -> int:
        """Remove the finished instances that match; how many. Statuses of ``query`` that are not terminal
        count as not given, so that a filter never removes what still runs, nor what was started again meanwhile."""
        statuses = (query.statuses & TERMINAL) or TERMINAL
        finished = replace(query, statuses=statuses, top=100, payloads=False)
        removed = 0
        page = await self.hub.list(finished)
        while True:
            # Together, so that a store can write them at once.
            purges = [self.hub.purge(i.id, statuses=statuses, execution=i.execution) for i in page.instances]
            removed += sum(await asyncio.gather(*purges))
            if page.next is None:
                return removed
            page = await self.hub.list(finished, page=page.next)

    async def wait(self, instance_id: str, *, timeout_s: float, interval_s: float) -> Instance | None:
        """The instance once it is finished; None when it is still open or unknown after ``timeout_s``, or when
        :meth:`stop_waiting` was called.

        An end in this process is noticed at once; beside that it looks every ``interval_s``, and a last time.
        """
        deadline = self._clock.monotonic() + timeout_s
        with self.hub.ended(InstanceId(instance_id)) as ended, self._wait_known(ended):
            while True:
                instance = await self.hub.read(InstanceId(instance_id))
                if instance is not None and instance.status.is_terminal:
                    return instance
                remaining = deadline - self._clock.monotonic()
                if remaining <= 0 or self._stopping:
                    return None
                await self._clock.wait(ended, min(max(interval_s, _SHORTEST_POLL_S), remaining))
                ended.clear()

    def stop_waiting(self) -> None:
        """The host stops, and takes no instance further: nobody needs to wait for one. On the loop's thread."""
        self._stopping = True
        for event in self._waits:
            event.set()

    @contextmanager
    def _wait_known(self, event: asyncio.Event) -> Generator[None]:
        self._waits.add(event)
        try:
            yield
        finally:
            self._waits.discard(event)

    def _registered(self, name: str) -> str:
        registered = self._orchestrators.get(name.lower())
        if registered is None:
            raise InvalidArgument(unknown_function(name, "orchestrator", self._orchestrators.values()))
        return registered


def _not_in_this_state(operation: str, instance: Instance) -> str:
    return (
        f"Cannot {operation} the orchestration instance {instance.id} "
        f"because instance is in the {instance.status.value} state."
    )
