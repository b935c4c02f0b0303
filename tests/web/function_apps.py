"""HTTP functions made by hand, and a client to call them with."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.invoker import Invoker
from funchost.settings import HttpSettings
from funchost.spi import Bindings, HostServices, prepare
from funchost.threads import ThreadPool
from funchost.web.function_app import FunctionRoutes, Gate, build_function_routes
from funchost.web.options import WebOptions
from funchost_bindings.http import BINDING

HTTP_RETURN = BindingSpec("http", "$return", Direction.OUT)


def http_function(
    call: Callable[..., Any],
    name: str = "hello",
    *,
    route: str | None = None,
    methods: Sequence[str] = (),
    outputs: Sequence[BindingSpec] = (HTTP_RETURN,),
    **changes: Any,
) -> FunctionSpec:
    properties: dict[str, Any] = {"authlevel": "anonymous", "methods": list(methods)}
    if route is not None:
        properties["route"] = route
    trigger = BindingSpec("httpTrigger", "req", Direction.IN, properties=properties)
    function = FunctionSpec(
        name=name,
        trigger=trigger,
        bindings=(trigger, *outputs),
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        directory=Path("/app"),
        script_file=Path("/app/function_app.py"),
        entry_point=name,
        model="decorators",
    )
    return replace(function, **changes)


@asynccontextmanager
async def web_app(
    *functions: FunctionSpec,
    options: WebOptions | None = None,
    services: HostServices | None = None,
    gate: Gate | None = None,
) -> AsyncGenerator[FunctionRoutes]:
    """The functions as the host would serve them, without a server."""
    services = services or HostServices(ThreadPool(4))
    invokers: dict[str, Invoker] = {}
    prepared: list[FunctionSpec] = []
    for function in functions:
        try:
            if function.runs:
                invokers[function.name] = prepare(function, Bindings([BINDING]), services)
            prepared.append(function)
        except ConfigError as problem:
            prepared.append(replace(function, problem=str(problem)))
    routes = build_function_routes(prepared, invokers, options or WebOptions(), gate=gate)
    try:
        async with routes.running():
            yield routes
    finally:
        assert services.threads.close(5)


@asynccontextmanager
async def client_of(
    *functions: FunctionSpec, base_url: str = "http://localhost:7071", **options: Any
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the functions, where the server plays no role. ``options`` are those of :func:`web_app`."""
    async with web_app(*functions, **options) as routes:
        transport = httpx.ASGITransport(app=routes, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            yield client


@asynccontextmanager
async def served(*functions: FunctionSpec, **options: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the functions behind a real server on a port of its own."""
    async with web_app(*functions, **options) as routes:
        config = uvicorn.Config(routes, host="127.0.0.1", port=0, lifespan="off", log_config=None)
        server = _Server(config)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve())
            await asyncio.wait_for(server.listening.wait(), 10)
            port = server.servers[0].sockets[0].getsockname()[1]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                yield client
            server.should_exit = True
            await asyncio.wait_for(serving, 10)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def with_http(**settings: Any) -> WebOptions:
    return WebOptions(http=HttpSettings(**settings))


def get(path: str, *functions: FunctionSpec, method: str = "GET", **request: Any) -> httpx.Response:
    """One request to the functions, and its response. ``options`` among ``request`` goes to :func:`web_app`."""
    options = {key: request.pop(key) for key in ("options", "services", "base_url") if key in request}

    async def ask() -> httpx.Response:
        async with client_of(*functions, **options) as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())
