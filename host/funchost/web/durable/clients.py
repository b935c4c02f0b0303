"""What client bindings hand to functions, prepared once for a running host."""

import asyncio
from collections.abc import Callable
from typing import Any

from funchost.web.durable.api import DurableApi
from funchost.web.durable.collector import start_all, start_requests
from funchost.web.durable.links import InstanceLinks, Webhook, client_binding
from funchost.web.durable.sdk_client import IN_PROCESS_BASE_URL, InProcessTransport, make_client

__all__ = ["HostClients"]


class HostClients:
    """Clients of one app's task hub.

    ``webhook`` is asked at first use, when the host's address is known. ``rpc_base_url`` is the local
    endpoint's, None when there is none: functions that take the binding's text then have no way to the hub.
    ``loop`` is the one that opened the hub. Methods that are not coroutines may be called on any thread.
    """

    def __init__(
        self,
        api: DurableApi,
        *,
        webhook: Callable[[], Webhook],
        rpc_base_url: str | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._api = api
        self._webhook = webhook
        self._rpc_base_url = rpc_base_url
        self._loop = loop
        self._transport: InProcessTransport | None = None
        self._texts: dict[tuple[str | None, str | None], str] = {}

    @property
    def hub_name(self) -> str:
        return self._api.links.hub

    def binding_text(self, connection_name: str | None = None) -> str:
        """The JSON text of a client binding; ``connection_name`` is its own, None when it names none."""
        return self._text(connection_name, self._rpc_base_url)

    def client(self, invocation_id: str, connection_name: str | None = None) -> Any:
        """A ``DurableOrchestrationClient`` of the app's SDK that needs no socket."""
        if self._transport is None:
            self._transport = InProcessTransport(self._api, self._webhook(), self._loop)
        text = self._text(connection_name, IN_PROCESS_BASE_URL)
        return make_client(text, self._transport, invocation_id=invocation_id)

    def check_starts(self, value: Any) -> Any:
        """What :meth:`start` takes, from what a function returned or set. Raises InvalidArgument."""
        return start_requests(value)

    async def start(self, requests: Any) -> None:
        """Start what :meth:`check_starts` gave. Raises InvalidArgument, InstanceExists."""
        await start_all(self._api.client, requests)

    def _text(self, connection_name: str | None, rpc_base_url: str | None) -> str:
        key = (connection_name, rpc_base_url)
        text = self._texts.get(key)
        if text is None:
            own = self._api.links
            links = InstanceLinks(own.hub, connection_name or own.connection)
            text = client_binding(self._webhook(), links, rpc_base_url=rpc_base_url, connection_name=connection_name)
            self._texts[key] = text
        return text
