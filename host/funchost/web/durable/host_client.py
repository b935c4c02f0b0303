"""The SDK's client with what the host can do beyond it, as further keyword arguments.

Imports the SDK, which takes longer than everything else at start-up: to be imported where the first client is made.
"""

import json
from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self
from urllib.parse import quote, urlencode

from azure.durable_functions import DurableOrchestrationClient, EntityId, OrchestrationRuntimeStatus

from funchost.durable import sdk
from funchost.durable.labels import checked_tags, checked_text
from funchost.durable.moments import instant_of
from funchost.durable.unserialisable import named_part
from funchost.instant import Instant, isoformat
from funchost.web.durable.start_options import OVERRIDABLE, START_AT, TAG

__all__ = ["HostClient"]

_Query = list[tuple[str, str]]


class HostClient(DurableOrchestrationClient):
    """What functions get from their client binding. Without the further arguments it asks what the SDK's asks.

    ``now`` is the host's clock, for times that are given as spans; it is set by whoever makes the client.
    """

    now: Callable[[], Instant]

    async def start_new(
        self,
        orchestration_function_name: str,
        instance_id: str | None = None,
        client_input: Any = None,
        version: str | None = None,
        *,
        start_at: datetime | timedelta | None = None,
        tags: Mapping[str, str] | None = None,
        overridable: str | None = None,
    ) -> str:
        """``start_at``: the instance is pending until then, or for so long; a naive time is UTC. ``tags`` are shown
        with the instance and can be listed by. ``overridable`` ``any``: it replaces whatever has its id, also what
        runs; ``nonRunning``: only what is finished; None: what host.json says.

        Raises ValueError for tags or a time that are none, TypeError for an input that cannot be serialised, naming
        the part.
        """
        query: _Query = [] if version is None else [("version", checked_text(version, "version"))]
        if start_at is not None:
            query.append((START_AT, self._moment(start_at, "start_at")))
        if overridable is not None:
            query.append((OVERRIDABLE, overridable))
        asking = self._asking(query + _tags(tags))
        # Releases before 1.4 do not know a version; in the query each of them sends it.
        with named_part(client_input, sdk.dumps, "client_input"):
            return await super(HostClient, asking).start_new(orchestration_function_name, instance_id, client_input)

    async def raise_event(
        self,
        instance_id: str,
        event_name: str,
        event_data: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Raises TypeError for data that cannot be serialised, naming the part."""
        given: Any = (instance_id, event_name, event_data, task_hub_name, connection_name)
        with named_part(event_data, json.dumps, "event_data"):
            await super().raise_event(*given)

    async def get_status_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: list[OrchestrationRuntimeStatus] | None = None,
        instance_id_prefix: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> list[Any]:
        """``tags``: only instances that have all of them."""
        # Older releases do not know a prefix; in the query each of them sends it.
        prefix: _Query = [] if instance_id_prefix is None else [("instanceIdPrefix", instance_id_prefix)]
        given: Any = (created_time_from, created_time_to, runtime_status)
        return await super(HostClient, self._asking(prefix + _tags(tags))).get_status_by(*given)

    async def terminate(self, instance_id: str, reason: str, recurse: bool = False) -> None:
        """``recurse``: the sub-orchestrations that still run are terminated too, and theirs."""
        asking = self._asking([("recurse", "true")] if recurse else [])
        await super(HostClient, asking).terminate(instance_id, checked_text(reason, "reason"))

    async def rewind(
        self, instance_id: str, reason: str, task_hub_name: str | None = None, connection_name: str | None = None
    ) -> None:
        # The SDK puts the reason into the URL as it is.
        await super().rewind(
            instance_id, quote(checked_text(reason, "reason"), safe=""), task_hub_name, connection_name
        )

    async def signal_entity(
        self,
        entityId: EntityId,  # noqa: N803 - the SDK's name
        operation_name: str,
        operation_input: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
        *,
        at: datetime | timedelta | None = None,
    ) -> None:
        """``at``: the entity gets the signal then, or after so long, and not before. Raises ValueError for no time."""
        asking = self._asking([] if at is None else [("scheduledTime", self._moment(at, "at"))])
        signal = super(HostClient, asking).signal_entity
        with named_part(operation_input, json.dumps, "operation_input"):
            await signal(entityId, operation_name, operation_input, task_hub_name, connection_name)

    def _moment(self, when: datetime | timedelta, argument: str) -> str:
        return isoformat(instant_of(when, self.now(), argument))

    def _asking(self, query: _Query) -> Self:
        """This client, or for one call a copy of it that adds ``query`` to what it asks."""
        if not query:
            return self
        asking, added = copy(self), urlencode(query, quote_via=quote)
        asking._post_async_request = partial(_ask, self._post_async_request, added)
        asking._get_async_request = partial(_ask, self._get_async_request, added)
        return asking


async def _ask(request: Callable[..., Any], added: str, url: str, *more: Any, **named: Any) -> Any:
    return await request(f"{url}{'&' if '?' in url else '?'}{added}", *more, **named)


def _tags(tags: Mapping[str, str] | None) -> _Query:
    return [(TAG, f"{name}={value}") for name, value in checked_tags(tags).items()]
