"""Apps of decorated functions."""

import logging
import re

import pytest

from app.loader import IMPORTS, Loader
from funchost.app import Direction
from funchost.errors import ConfigError

HELLO = """
@app.route(route="hi/{name}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def hello(req: func.HttpRequest) -> func.HttpResponse: ...
"""


def test_a_decorated_function_is_described_in_one_spelling(loader: Loader):
    function = loader.one(HELLO)
    assert (function.name, function.model, function.entry_point) == ("hello", "decorators", "hello")
    assert (function.trigger.type, function.trigger.name, function.trigger.direction) == (
        "httpTrigger",
        "req",
        Direction.IN,
    )
    assert function.trigger.get("route") == "hi/{name}"
    assert function.trigger.get("methods") == ["get", "post"]
    assert function.trigger.get("authLevel") == "anonymous"
    assert [(b.type, b.name) for b in function.outputs()] == [("http", "$return")]
    assert function.script_file == loader.root / "function_app.py"
    assert function.directory == loader.root
    assert function.runs
    assert not function.is_async


def test_a_function_of_a_blueprint_is_where_its_own_file_is(loader: Loader):
    blueprint = f"""{IMPORTS}bp = df.Blueprint()
@bp.orchestration_trigger(context_name="context")
def plan(context): ...
@bp.route()
@bp.durable_client_input(client_name="client")
async def begin(req, client): ...
@bp.route()
def broken(request): ...
"""
    app = "from parts.web import bp\napp = func.FunctionApp()\napp.register_functions(bp)\n"
    functions = loader.load({"function_app.py": IMPORTS + app, "parts/web.py": blueprint}).functions
    assert {function.directory for function in functions} == {loader.root / "parts"}
    (problem,) = (function.problem for function in functions if function.problem)
    assert problem.startswith(f"{loader.root / 'parts' / 'web.py'}:9: ")


def test_a_hosted_application_is_where_the_script_is(loader: Loader):
    text = f"{IMPORTS}async def asgi(scope, receive, send): ...\napp = func.AsgiFunctionApp(app=asgi)\n"
    (function,) = loader.load({"function_app.py": text}).functions
    assert function.directory == loader.root


def test_an_http_trigger_has_the_app_s_level_and_its_own_name_as_route_by_default(loader: Loader):
    text = f"{IMPORTS}app = func.FunctionApp(http_auth_level=func.AuthLevel.ADMIN)\n@app.route()\ndef plain(req): ...\n"
    (function,) = loader.load({"function_app.py": text}).functions
    assert (function.trigger.get("route"), function.trigger.get("authlevel")) == ("plain", "admin")
    assert function.trigger.get("methods") == []


def test_an_empty_route_stays_empty(loader: Loader):
    assert loader.one('@app.route(route="")\ndef plain(req): ...\n').trigger.get("route") == ""


def test_async_functions_are_known_as_such(loader: Loader):
    assert loader.one("@app.route()\nasync def hello(req): ...\n").is_async


def test_a_function_may_have_another_name_than_in_python(loader: Loader):
    function = loader.one('@app.function_name("Hello")\n@app.route()\ndef hello_impl(req): ...\n')
    assert (function.name, function.entry_point) == ("Hello", "hello_impl")


def test_functions_of_blueprints_are_part_of_the_app(loader: Loader):
    bp = f"{IMPORTS}bp = func.Blueprint()\ndbp = df.Blueprint()\n@bp.route()\ndef one(req): ...\n"
    bp += '@dbp.activity_trigger(input_name="x")\ndef two(x): ...\n'
    main = f"{IMPORTS}from blue import bp, dbp\napp = func.FunctionApp()\napp.register_functions(bp)\n"
    app = loader.load({"blue.py": bp, "function_app.py": main + "app.register_blueprint(dbp)\n"})
    assert [f.name for f in app.functions] == ["one", "two"]


def test_functions_come_sorted_by_name_ignoring_case(loader: Loader):
    body = "".join(f"@app.route()\ndef {name}(req): ...\n" for name in ("b", "C", "a_1", "aB"))
    assert [f.name for f in loader.script(body).functions] == ["aB", "a_1", "b", "C"]


def test_the_retry_decorator_is_read(loader: Loader):
    retry = '@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")\n'
    function = loader.one("@app.route()\n" + retry + "def f(req): ...\n")
    assert function.retry is not None
    assert (function.retry.strategy, function.retry.max_retry_count) == ("fixedDelay", 3)
    assert function.retry.delay.total_seconds() == 10


def test_a_bad_retry_policy_is_a_problem_of_its_function(loader: Loader):
    function = loader.one('@app.route()\n@app.retry(strategy="fixed_delay", max_retry_count="x")\ndef f(req): ...\n')
    assert function.problem is not None
    assert "retry.maxRetryCount is 'x'" in function.problem


def test_the_policy_of_host_json_is_for_functions_without_one(loader: Loader):
    host = '{"version": "2.0", "retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:01"}}'
    loader.write({"host.json": host})
    function = loader.one("@app.route()\ndef f(req): ...\n")
    assert function.retry is not None
    assert function.retry.max_retry_count == 2


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_web_apps_of_other_frameworks_say_what_they_are(loader: Loader, kind: str):
    text = f"{IMPORTS}app = func.{kind.capitalize()}FunctionApp(app=None)\n"
    (function,) = loader.load({"function_app.py": text}).functions
    assert (function.name, function.http_type, function.problem) == ("http_app_func", kind, None)
    assert len(function.trigger.get("methods")) == 7


def test_generic_decorators_are_as_good_as_special_ones(loader: Loader):
    function = loader.one(
        '@app.generic_output_binding(arg_name="$return", type="http")\n'
        '@app.generic_trigger(arg_name="req", type="httpTrigger", route="x", auth_level="Anonymous")\n'
        "def f(req: func.HttpRequest): ...\n"
    )
    assert function.problem is None
    assert (function.trigger.get("route"), function.trigger.get("authLevel")) == ("x", "anonymous")


@pytest.mark.parametrize(
    ("decorator", "parameter", "kind", "properties"),
    [
        (
            'orchestration_trigger(context_name="c", orchestration="Plan")',
            "c",
            "orchestrationTrigger",
            {"orchestration": "Plan"},
        ),
        ('orchestration_trigger(context_name="c")', "c", "orchestrationTrigger", {"orchestration": None}),
        ('activity_trigger(input_name="x", activity="Say")', "x", "activityTrigger", {"activity": "Say"}),
        ('activity_trigger(input_name="x")', "x", "activityTrigger", {"activity": None}),
        ('entity_trigger(context_name="c", entity_name="Count")', "c", "entityTrigger", {"entityName": "Count"}),
        ('entity_trigger(context_name="c")', "c", "entityTrigger", {"entityName": None}),
    ],
)
def test_a_durable_trigger_is_described_with_what_it_was_given(
    loader: Loader, decorator: str, parameter: str, kind: str, properties: dict[str, str | None]
):
    function = loader.one(f"@app.{decorator}\ndef f({parameter}): ...\n")
    trigger = function.trigger
    assert (function.name, trigger.type, trigger.name, trigger.direction) == ("f", kind, parameter, Direction.IN)
    assert {name: trigger.get(name) for name in properties} == properties


@pytest.mark.parametrize(
    ("more", "properties"),
    [
        (', task_hub="Hub", connection_name="Mine"', {"taskHub": "Hub", "connectionName": "Mine"}),
        ("", {"taskHub": None, "connectionName": None}),
    ],
)
def test_a_durable_client_is_described_beside_its_trigger(loader: Loader, more: str, properties: dict[str, str | None]):
    client = f'@app.durable_client_input(client_name="client"{more})\n'
    function = loader.one(f'@app.route("x")\n{client}async def f(req, client): ...\n')
    assert [(b.type, b.name, b.direction) for b in function.bindings] == [
        ("durableClient", "client", Direction.IN),
        ("httpTrigger", "req", Direction.IN),
        ("http", "$return", Direction.OUT),
    ]
    assert {name: function.bindings[0].get(name) for name in properties} == properties


def test_the_sdk_s_advice_about_apps_without_http_is_not_logged(loader: Loader, caplog: pytest.LogCaptureFixture):
    handlers = list(logging.getLogger().handlers)
    loader.one('@app.activity_trigger(input_name="x")\ndef f(x): ...\n')
    assert caplog.records == []
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize("line", ["", "import azure.functions as func\n", "import json\nbp = json\n"])
def test_a_script_without_app_object_is_refused(loader: Loader, line: str):
    with pytest.raises(ConfigError, match=r"function_app\.py: no top-level function app object"):
        loader.load({"function_app.py": line})


def test_a_script_with_two_app_objects_is_refused(loader: Loader):
    with pytest.raises(ConfigError, match=r"more than one top-level function app object \(app, other\)"):
        loader.script("other = app\n")


def test_functions_without_trigger_are_all_named(loader: Loader):
    body = '@app.function_name("a")\ndef a(): ...\n@app.function_name("b")\ndef b(): ...\n'
    with pytest.raises(ConfigError, match=r"function_app\.py: functions without trigger: a, b"):
        loader.script(body)


@pytest.mark.parametrize("second", ["twin", "Twin"])
def test_two_functions_of_one_name_are_refused(loader: Loader, second: str):
    body = f'@app.route()\ndef twin(req): ...\n@app.function_name("{second}")\n@app.route()\ndef other(req): ...\n'
    script = re.escape(str(loader.root / "function_app.py"))
    with pytest.raises(
        ConfigError, match=rf"2 functions are named 'twin' \(names ignore case\): {script}:4, {script}:6"
    ):
        loader.script(body)


@pytest.mark.parametrize("name", ["9lives", "host", "a.b", "x" * 129])
def test_a_name_that_no_function_may_have_is_a_problem(loader: Loader, name: str):
    function = loader.one(f'@app.function_name("{name}")\n@app.route()\ndef f(req): ...\n')
    assert function.problem is not None
    assert "cannot name a function" in function.problem


def test_the_script_may_have_another_name_even_one_of_the_standard_library(loader: Loader):
    text = f"{IMPORTS}app = func.FunctionApp()\n@app.route()\ndef f(req): ...\n"
    app = loader.load({"test.py": text}, environ={"PYTHON_SCRIPT_FILE_NAME": "test.py"})
    assert [f.name for f in app.functions] == ["f"]


@pytest.mark.parametrize("name", ["../x.py", "x", "a b.py"])
def test_a_script_name_that_is_none_is_refused(loader: Loader, name: str):
    with pytest.raises(ConfigError, match="PYTHON_SCRIPT_FILE_NAME"):
        loader.load({}, environ={"PYTHON_SCRIPT_FILE_NAME": name})


def test_a_script_that_would_replace_a_loaded_module_is_refused(loader: Loader):
    with pytest.raises(ConfigError, match="'json' is loaded already"):
        loader.load({"json.py": ""}, environ={"PYTHON_SCRIPT_FILE_NAME": "json.py"})


def test_parameter_names_with_two_underscores_run_with_a_note(loader: Loader):
    app = loader.script('@app.activity_trigger(input_name="my__input")\ndef f(my__input): ...\n')
    assert app.functions[0].runs
    assert any("f.my__input" in note for note in app.notes)
