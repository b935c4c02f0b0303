"""The SDK's own client, with its requests answered in this process.

``DurableOrchestrationClient`` keeps three functions for its HTTP requests as attributes. They are replaced
here, and nothing else is: result classes, exceptions and link payloads stay the SDK's. A subclass adds keyword
arguments for what only this host can do.
"""

import asyncio
import inspect
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from funchost.durable.labels import checked_text
from funchost.web.durable.answers import ApiRequest, ApiResponse
from funchost.web.durable.api import DurableApi
from funchost.web.durable.links import LOCAL_BASE, Door, Webhook
from funchost.web.durable.query import QueryParameters

if TYPE_CHECKING:
    from funchost.web.durable.host_client import HostClient

__all__ = ["IN_PROCESS_BASE_URL", "InProcessTransport", "make_client"]

_SEPARATORS = re.compile("[/?&=]")

IN_PROCESS_BASE_URL = f"http://127.0.0.1{LOCAL_BASE}/"
"""For bindings of clients that never open a socket: the SDK insists on a URL to append to."""


def make_client(binding: str, transport: "InProcessTransport", *, invocation_id: str | None = None) -> "HostClient":
    """A client for one invocation. ``binding`` is the JSON text of its client binding, whose ``rpcBaseUrl``
    must be there, though nothing is sent to it."""
    construct, takes_invocation_id = _constructor()
    client = construct(binding, invocation_id) if takes_invocation_id else construct(binding)
    client._post_async_request = transport.post
    client._get_async_request = transport.get
    client._delete_async_request = transport.delete
    client.now = transport.now
    return client


@cache
def _constructor() -> tuple[Any, bool]:
    # Imported at first use: it takes longer than everything else at start-up, and most apps never need it.
    from funchost.web.durable.host_client import HostClient

    return HostClient, "function_invocation_id" in inspect.signature(HostClient).parameters


class InProcessTransport:
    """Answers the requests of clients without a socket, as the local endpoint would.

    ``loop`` is the one that opened the task hub; requests from other loops hop to it. Each answer is the
    SDK's ``[status, parsed body]``, parsed afresh, because user code may change what it gets.
    """

    def __init__(self, api: DurableApi, webhook: Webhook, loop: asyncio.AbstractEventLoop) -> None:
        self._api = api
        self._door = Door(webhook, local=True)
        self._loop = loop
        self.now = api.clock.now

    async def post(
        self,
        url: str,
        data: Any = None,
        trace_parent: str | None = None,
        trace_state: str | None = None,
        *_rest: Any,
        **_named: Any,
    ) -> list[Any]:
        """``data`` is encoded once more, although the SDK gives text that is JSON already: the local endpoint
        gets it like that, and what is stored must not depend on the way it came."""
        headers: dict[str, str] = {}
        if trace_parent:
            headers["traceparent"] = trace_parent
        if trace_state:
            headers["tracestate"] = trace_state
        if data is None:
            return await self._ask("POST", url, headers)
        headers["content-type"] = "application/json"
        return await self._ask("POST", url, headers, json.dumps(data).encode())

    async def get(self, url: str, *_rest: Any, **_named: Any) -> list[Any]:
        status, body = await self._ask("GET", url, {})
        return [status, "" if body is None else body]

    async def delete(self, url: str, *_rest: Any, **_named: Any) -> list[Any]:
        return await self._ask("DELETE", url, {})

    async def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> list[Any]:
        """Raises InvalidArgument, which shows the part, for ids, names and reasons that are no Unicode text."""
        for part in _SEPARATORS.split(url):
            checked_text(part, "an id, a name or a reason")
        # Cut by hand: ids stand in the URL as they are, and what a URL parser drops must be refused here.
        path, _, query_string = url.partition("#")[0].partition("?")
        request = ApiRequest(
            method=method,
            path=path.partition(f"{LOCAL_BASE}/")[2],
            door=self._door,
            uri=url,
            query=QueryParameters.parse(query_string),
            headers=headers,
            body=body,
        )
        answer = await self._on_own_loop(request)
        return [answer.status, json.loads(answer.body) if answer.body else None]

    async def _on_own_loop(self, request: ApiRequest) -> ApiResponse:
        if asyncio.get_running_loop() is self._loop:
            return await self._api.handle(request)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._api.handle(request), self._loop))
