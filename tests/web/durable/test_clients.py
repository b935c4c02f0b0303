"""What functions get from durable client bindings, through the binding seam."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationClient

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.clock import SystemClock
from funchost.errors import ConfigError, InvalidArgument
from funchost.ids import InstanceId
from funchost.invocation.invocation import Invocation
from funchost.invocation.values import Input
from funchost.spi import HostServices
from funchost.taskhub.client import HubClient
from funchost.threads import ThreadPool
from funchost.web.durable.api import DurableApi
from funchost.web.durable.clients import HostClients
from funchost_bindings.durable import BINDING
from web.durable.durable_app import WEBHOOK, App, OpenApp

LOCAL = "http://127.0.0.1:17071/durabletask/"
TRIGGER = BindingSpec("httpTrigger", "req", Direction.IN)


def function(*bindings: BindingSpec, rich: frozenset[str] = frozenset()) -> FunctionSpec:
    return FunctionSpec(
        name="starter",
        trigger=TRIGGER,
        bindings=(TRIGGER, *bindings),
        call=print,
        is_async=False,
        directory=Path(),
        script_file=Path("function_app.py"),
        entry_point="starter",
        model="decorators",
        rich_clients=rich,
    )


def services_of(app: App, **settings: str) -> HostServices:
    api = DurableApi(HubClient(app.hub, SystemClock(), orchestrators={"hello": "Hello"}), SystemClock())
    clients = HostClients(api, webhook=lambda: WEBHOOK, rpc_base_url=LOCAL, loop=asyncio.get_running_loop())
    return HostServices(ThreadPool(1), settings=settings, clients=clients)


def read(binding: BindingSpec, services: HostServices, *, rich: bool) -> Any:
    spec = function(binding, rich=frozenset({binding.name} if rich else ()))
    one = BINDING.input(spec, binding, None, services)
    assert isinstance(one, Input)
    return one.read(Invocation("the-invocation", None))


async def test_a_function_of_the_sdks_decorator_gets_a_client_that_works(open_app: OpenApp):
    async with open_app() as app:
        binding = BindingSpec("durableClient", "client", Direction.IN)
        client = read(binding, services_of(app), rich=True)
        assert isinstance(client, DurableOrchestrationClient)
        assert getattr(client, "_function_invocation_id", "the-invocation") == "the-invocation"
        assert await client.start_new("Hello", "a") == "a"
        assert await app.hub.read(InstanceId("a")) is not None


@pytest.mark.parametrize("kind", ["durableClient", "orchestrationClient"])
async def test_any_other_function_gets_the_text_to_make_a_client_of(open_app: OpenApp, kind: str):
    async with open_app() as app:
        binding = BindingSpec(kind, "starter", Direction.IN, properties={"connectionname": "Mine"})
        text = read(binding, services_of(app), rich=False)
        payload = json.loads(text)
        assert (payload["rpcBaseUrl"], payload["connectionName"]) == (LOCAL, "Mine")
        assert "connection=Mine" in payload["managementUrls"]["statusQueryGetUri"]


async def test_a_binding_of_another_task_hub_gets_the_apps_own_and_a_warning(
    open_app: OpenApp, caplog: pytest.LogCaptureFixture
):
    async with open_app() as app:
        elsewhere = BindingSpec("durableClient", "c", Direction.IN, properties={"taskhub": "%HUB%"})
        with caplog.at_level(logging.WARNING):
            read(elsewhere, services_of(app, HUB="testhub"), rich=False)
            assert caplog.text == ""
            payload = json.loads(read(elsewhere, services_of(app, HUB="Elsewhere"), rich=False))
        assert payload["taskHubName"] == "TestHub"
        assert "'Elsewhere'" in caplog.text


async def test_an_output_starts_what_it_is_given(open_app: OpenApp):
    async with open_app() as app:
        binding = BindingSpec("orchestrationClient", "$return", Direction.OUT)
        output = BINDING.output(function(binding), binding, None, services_of(app))
        assert output.write is not None
        starts = [{"FunctionName": "hello", "InstanceId": "a", "Input": {"n": 1}}, {"FunctionName": "Hello"}]
        await output.write(Invocation("i", None), output.encode(starts))
        instance = await app.hub.read(InstanceId("a"))
        assert instance is not None
        assert (instance.name, instance.input) == ("Hello", '{"n": 1}')
        with pytest.raises(InvalidArgument):
            output.encode({"InstanceId": "a"})


def test_without_a_task_hub_a_client_binding_is_refused():
    binding = BindingSpec("durableClient", "client", Direction.IN)
    with pytest.raises(ConfigError, match="needs a task hub"):
        BINDING.input(function(binding), binding, None, HostServices(ThreadPool(1)))


def test_a_client_binding_has_one_direction():
    binding = BindingSpec("durableClient", "client", Direction.INOUT)
    with pytest.raises(ConfigError, match="'in' or 'out'"):
        BINDING.validate(function(binding), binding)
