"""What authors' own unit tests do with an app goes on working on one that the host has loaded."""

import asyncio
import sys
from typing import Any
from unittest.mock import Mock

import azure.durable_functions as df
import pytest

from app.loader import IMPORTS, Loader

testing = pytest.importorskip("azure.durable_functions.testing", reason="this release of the SDK has no helpers")

APP = f"""{IMPORTS}
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("start/{{name}}")
@app.durable_client_input(client_name="client")
async def begin(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance = await client.start_new(req.route_params["name"])
    return client.create_check_status_response(req, instance)


@app.orchestration_trigger(context_name="context")
def greet(context):
    greetings = [(yield context.call_activity("hello", "Tokyo"))]
    try:
        greetings.append((yield context.call_activity(hello, "Seattle")))
    except ValueError as error:
        greetings.append(str(error))
    return greetings


@app.activity_trigger(input_name="city")
def hello(city: str) -> str:
    return f"Hello {{city}}!"


@app.entity_trigger(context_name="context")
def count(context):
    context.set_state(context.get_state(lambda: 0) + 1)
"""


@pytest.fixture
def module(loader: Loader) -> Any:
    """The author's module, after the host has made an app of it."""
    functions = loader.load({"function_app.py": APP}).functions
    assert [function.problem for function in functions] == [None] * 4
    return sys.modules["function_app"]


def user_function(builder: Any) -> Any:
    return builder.build().get_user_function()


def finished(result: Any) -> Any:
    """A task as unit tests have them; an exception is what it throws."""
    task = Mock(spec=["result"])
    task.configure_mock(result=result)
    return task


class Broken:
    @property
    def result(self) -> Any:
        raise ValueError("no answer")


def test_an_orchestrator_is_driven_by_the_sdk_s_helper(module: Any):
    context = Mock(spec=df.DurableOrchestrationContext)
    context.call_activity.side_effect = [finished("Hello Tokyo!"), Broken()]
    code = user_function(module.greet).orchestrator_function
    told = list(testing.orchestrator_generator_wrapper(code(context)))
    assert told[-1] == ["Hello Tokyo!", "no answer"]
    assert context.call_activity.call_args.args == (module.hello, "Seattle")


def test_a_function_with_a_client_is_called_with_one_of_the_author_s(module: Any):
    async def start_new(name: str) -> str:
        return f"{name}-1"

    def links_of(req: Any, instance: str) -> str:
        return f"links of {instance}"

    client = Mock(start_new=start_new, create_check_status_response=links_of)
    request = Mock(route_params={"name": "greet"})
    code = user_function(module.begin).client_function
    assert asyncio.run(code(request, client)) == "links of greet-1"


def test_an_entity_is_called_with_a_context_of_the_author_s(module: Any):
    context = Mock(spec=df.DurableEntityContext)
    context.get_state.return_value = 4
    user_function(module.count).entity_function(context)
    context.set_state.assert_called_once_with(5)


def test_an_activity_is_called_as_it_was_written(module: Any):
    assert module.hello("Tokyo") == user_function(module.hello)("Tokyo") == "Hello Tokyo!"


def test_the_sdk_runs_a_decorated_entity_as_it_does_without_the_host(module: Any):
    body = (
        '{"self": {"name": "count", "key": "k"}, "state": "4", "exists": true, "batch": [{"name": "x", "input": null}]}'
    )
    assert '"entityState": "5"' in user_function(module.count)(body)
