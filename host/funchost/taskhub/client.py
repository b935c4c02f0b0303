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
from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    TraceContext,
)
from funchost.durable.status import NON_RUNNING, TERMINAL, RuntimeStatus
from funchost.durable.texts import unknown_function
from funchost.errors import InstanceGone, InstanceNotFound, InvalidArgument, InvalidOperation
from funchost.ids import InstanceId, instance_id_of
from funchost.taskhub import Instance, NewInstance, Query, TaskHub
from funchost.taskhub.entity_client import EntityClient

__all__ = ["HubClient"]

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
    ) -> InstanceId:
        """Durable when it returns. ``input_text`` is JSON text; no or an empty id draws a new one.

        Raises InvalidArgument for an unknown function or a bad id, InstanceExists.
        """
        registered = self._registered(name)
        new_id = instance_id_of(instance_id) if instance_id else InstanceId(new_guid())
        new = NewInstance(
            id=new_id,
            name=registered,
            input=input_text,
            version=self._default_version if version is None else version,
            trace=trace,
        )
        await self.hub.start(new, replacing=self._replacing)
        return new_id

    async def restart(self, instance_id: str, *, new_id: bool) -> InstanceId:
        """Start the function of an existing instance again with the same input, under a new id or its own.

        Raises InstanceNotFound, InvalidArgument when its function is gone, InstanceExists.
        """
        old = await self.read(instance_id)
        return await self.start(old.name, instance_id=None if new_id else old.id, input_text=old.input)

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
        """``input_text`` is JSON text, and stays as it is however often a caller has encoded it."""
        await self.hub.send(instance.id, EventRaised(timestamp=self._clock.now(), name=name, input=input_text))

    async def terminate(self, instance: Instance, reason: str | None) -> None:
        """``reason`` becomes the output of the instance."""
        await self.hub.send(instance.id, ExecutionTerminated(timestamp=self._clock.now(), reason=reason))

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
        """Raises InstanceNotFound, InstanceGone for one that finished without failing, and InvalidOperation
        otherwise: no store can rewind yet."""
        instance = await self.read(instance_id)
        if instance.status.is_terminal and instance.status is not RuntimeStatus.FAILED:
            raise InstanceGone(instance_id, instance.status.value)
        if instance.status is not RuntimeStatus.FAILED:
            raise InvalidOperation("The rewind operation is only supported on failed orchestration instances.")
        raise InvalidOperation(f"Rewinding is not supported yet; restart the instance {instance_id} instead.")

    async def purge(self, instance_id: str) -> None:
        """Remove one instance, without its children. Raises InstanceNotFound, and InvalidOperation for an
        orchestration that is not finished."""
        instance = await self.hub.read(InstanceId(instance_id), payloads=False)
        if instance is None:
            raise InstanceNotFound(instance_id)
        if not (instance.status.is_terminal or _is_entity(instance.id)):
            raise InvalidOperation(_not_in_this_state("purge", instance))
        if not await self.hub.purge(instance.id):
            raise InstanceNotFound(instance_id)

    async def purge_finished(self, query: Query) -> int:
        """Remove the finished instances that match; how many. Statuses of ``query`` that are not terminal
        count as not given, so that a filter never removes what still runs."""
        statuses = (query.statuses & TERMINAL) or TERMINAL
        finished = replace(query, statuses=statuses, top=100, payloads=False)
        removed = 0
        page = await self.hub.list(finished)
        while True:
            # Together, so that a store can write them at once.
            removed += sum(await asyncio.gather(*(self.hub.purge(instance.id) for instance in page.instances)))
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


def _is_entity(instance_id: InstanceId) -> bool:
    return instance_id.startswith("@")
