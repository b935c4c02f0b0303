"""The two ways in which functions get a client of the SDK, each with requests that reach an app's API."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import uvicorn
from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions.models.utils import http_utils

from funchost.clock import SystemClock
from funchost.supervisor.listening import listen_for_clients
from funchost.taskhub.client import HubClient
from funchost.web.durable.api import DurableApi
from funchost.web.durable.endpoints import local_app
from funchost.web.durable.links import InstanceLinks, client_binding
from funchost.web.durable.local_socket import rpc_base_url, rpc_origin
from funchost.web.durable.sdk_client import InProcessTransport, make_client
from web.durable.durable_app import WEBHOOK, App

__all__ = ["Connect", "in_process", "over_the_socket"]

Connect = Callable[..., AbstractAsyncContextManager[Any]]

_ORCHESTRATORS = {"hello": "Hello", "my flow ø": "My Flow Ø"}


def _api(app: App, **options: Any) -> DurableApi:
    clock = SystemClock()
    client = HubClient(app.hub, clock, orchestrators=_ORCHESTRATORS, entities={"counter": "Counter"})
    return DurableApi(client, clock, **options)


def _binding(base: str) -> str:
    return client_binding(WEBHOOK, InstanceLinks("TestHub", "Storage"), rpc_base_url=base)


@asynccontextmanager
async def in_process(app: App, **options: Any) -> AsyncGenerator[DurableOrchestrationClient]:
    """The client that the decorator of the SDK promises. ``options`` are those of the API."""
    transport = InProcessTransport(_api(app, **options), WEBHOOK, asyncio.get_running_loop())
    yield make_client(_binding("http://127.0.0.1:17071/durabletask/"), transport, invocation_id="i")


@asynccontextmanager
async def over_the_socket(app: App, **options: Any) -> AsyncGenerator[DurableOrchestrationClient]:
    """The client that a function makes of the binding's text: it asks the local endpoint."""
    with listen_for_clients() as sock:
        application = local_app(_api(app, **options), WEBHOOK, origin=rpc_origin(sock))
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield DurableOrchestrationClient(_binding(rpc_base_url(sock)))
        finally:
            if hasattr(http_utils, "_close_session"):  # releases before 1.5 keep no session
                await http_utils._close_session()
            server.should_exit = True
            await serving
