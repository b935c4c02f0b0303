"""The author's own functions, out of the SDK's wrappers."""

import inspect
import json
from typing import Any

import azure.durable_functions as df
import pytest

from app.loader import IMPORTS, Loader
from funchost.app.passing import let_contexts_pass

V1 = '{{"bindings": [{{"type": "{trigger}", "direction": "in", "name": "context"}}{more}]}}'


class HostContext:
    """As the host's own orchestration context: no JSON text, no ``body``."""


def orchestrator_of(loader: Loader, script: str):
    files = {"F/function.json": V1.format(trigger="orchestrationTrigger", more=""), "F/__init__.py": IMPORTS + script}
    (function,) = loader.load(files).functions
    assert function.problem is None
    return function


def test_a_decorated_orchestrator_is_the_author_s_function(loader: Loader):
    function = loader.one('@app.orchestration_trigger(context_name="context")\ndef f(context): yield "mine"\n')
    assert list(function.call(HostContext())) == ["mine"]
    assert function.input_type is None
    assert function.call.__module__ == "function_app"


@pytest.mark.skipif(
    "input_type" not in inspect.signature(df.Blueprint.orchestration_trigger).parameters,
    reason="this release of the SDK has no input types",
)
def test_an_orchestrator_s_input_type_is_kept(loader: Loader):
    body = '@app.orchestration_trigger(context_name="context", input_type=int)\ndef f(context): yield "mine"\n'
    assert loader.one(body).input_type is int


def test_decorators_of_a_plain_function_app_are_taken_off_too(loader: Loader):
    text = f"{IMPORTS}app = func.FunctionApp()\n"
    text += '@app.orchestration_trigger(context_name="context")\ndef f(context): yield "mine"\n'
    (function,) = loader.load({"function_app.py": text}).functions
    assert list(function.call(HostContext())) == ["mine"]


def test_a_generic_trigger_over_a_created_orchestrator_gives_the_author_s_function(loader: Loader):
    body = (
        'def f(context): yield "mine"\nhandle = df.Orchestrator.create(f)\nhandle.__name__ = "f"\n'
        'app.generic_trigger(arg_name="context", type="orchestrationTrigger")(handle)\n'
    )
    assert list(loader.one(body).call(HostContext())) == ["mine"]


@pytest.mark.parametrize("made", ["df.Orchestrator.create(f)", "df.Orchestrator(f).handle", "f"])
def test_the_entry_point_of_a_folder_is_taken_out_of_what_it_was_made_with(loader: Loader, made: str):
    function = orchestrator_of(loader, f'def f(context): yield "mine"\nmain = {made}\n')
    assert function.call.__name__ == "f"
    assert list(function.call(HostContext())) == ["mine"]


def test_a_decorator_of_the_author_around_the_wrapper_is_kept(loader: Loader):
    script = (
        "import functools\n"
        "def twice(handle):\n"
        "    @functools.wraps(handle)\n"
        "    def around(context):\n"
        "        yield from handle(context)\n"
        "        yield from handle(context)\n"
        "    return around\n"
        "@twice\n"
        "@df.Orchestrator.create\n"
        'def main(context): yield "mine"\n'
    )
    assert list(orchestrator_of(loader, script).call(HostContext())) == ["mine", "mine"]


def test_an_orchestrator_created_inside_a_function_of_the_author_gets_the_host_s_context(loader: Loader):
    script = (
        "def f(context): yield context\ndef main(context: str) -> str:\n    return df.Orchestrator.create(f)(context)\n"
    )
    context = HostContext()
    assert list(orchestrator_of(loader, script).call(context)) == [context]


def test_the_sdk_still_runs_contexts_of_its_own(loader: Loader):
    orchestrator_of(loader, "def main(context): yield\n")
    let_contexts_pass()

    def run(_: object) -> str:
        return "done"

    sdk: Any = df
    handle = sdk.Orchestrator.create(run)
    event = {"EventId": -1, "IsPlayed": False, "Timestamp": "2024-01-01T00:00:00Z"}
    history = [{**event, "EventType": 12}, {**event, "EventType": 0, "Name": "f", "Input": None, "Version": ""}]
    told = {"instanceId": "i", "isReplaying": False, "parentInstanceId": None, "input": None}
    body = json.dumps({**told, "history": history})
    assert '"isDone": true' in handle(body)


def test_entities_are_the_author_s_functions(loader: Loader):
    body = '@app.entity_trigger(context_name="context", entity_name="Tally")\ndef count(context): return "mine"\n'
    function = loader.one(body)
    assert function.call(None) == "mine"
    assert function.durable_name == "Tally"


CLIENT = '@app.durable_client_input(client_name="client")\n'


def test_functions_with_a_client_are_the_author_s_and_say_which_parameter_is_rich(loader: Loader):
    signature = "req: func.HttpRequest, client: df.DurableOrchestrationClient"
    function = loader.one(f"@app.route()\n{CLIENT}async def f({signature}): return client\n")
    assert function.problem is None
    assert function.is_async
    assert function.rich_clients == {"client"}
    assert function.call.__code__.co_name == "f"


@pytest.mark.parametrize("annotation", ["", ": str", ": 'Nowhere'", ": df.DurableOrchestrationClient"])
def test_a_blocking_function_with_a_client_stays_one_whatever_the_client_is_called(loader: Loader, annotation: str):
    function = loader.one(f"@app.route()\n{CLIENT}def f(req: func.HttpRequest, client{annotation}): return client\n")
    assert function.problem is None
    assert (function.is_async, function.rich_clients) == (False, {"client"})


def test_several_clients_are_all_taken_off(loader: Loader):
    other = CLIENT.replace('"client"', '"second"')
    function = loader.one("@app.route()\n" + other + CLIENT + "async def f(req, client, second): ...\n")
    assert function.problem is None
    assert function.rich_clients == {"client", "second"}
    assert function.call.__code__.co_name == "f"


def test_a_decorator_of_the_author_around_the_client_s_wrapper_is_kept_with_the_wrapper(loader: Loader):
    body = (
        "import functools\n"
        "def noted(inner):\n"
        "    @functools.wraps(inner._function._func)\n"
        "    async def around(*args, **kwargs): return await inner._function._func(*args, **kwargs)\n"
        "    inner._function._func = around\n"
        "    return inner\n"
        "@app.route()\n@noted\n" + CLIENT + "async def f(req, client): ...\n"
    )
    function = loader.one(body)
    assert function.problem is None
    assert function.call.__code__.co_name == "around"
    assert function.rich_clients == frozenset()


@pytest.mark.parametrize("kind", ["durableClient", "orchestrationClient"])
def test_a_client_of_a_folder_s_function_is_left_as_text(loader: Loader, kind: str):
    more = f', {{"type": "{kind}", "direction": "in", "name": "starter"}}'
    files = {
        "F/function.json": V1.format(trigger="httpTrigger", more=more),
        "F/__init__.py": f"{IMPORTS}async def main(context: func.HttpRequest, starter: str): ...\n",
    }
    (function,) = loader.load(files).functions
    assert function.problem is None
    assert function.rich_clients == frozenset()


@pytest.mark.parametrize(("made", "runs_async"), [("Caller()", True), ("partial(three, extra=1)", False)])
def test_callable_objects_and_partials_may_be_entry_points(loader: Loader, made: str, runs_async: bool):
    script = (
        "from functools import partial\n"
        "class Caller:\n    async def __call__(self, context): ...\n"
        "def three(context, extra): ...\n"
        f"main = {made}\n"
    )
    files = {"F/function.json": V1.format(trigger="activityTrigger", more=""), "F/__init__.py": script}
    (function,) = loader.load(files).functions
    assert (function.is_async, function.problem is None) == (runs_async, runs_async)
