from pathlib import Path
from typing import Any

from funchost.app.spec import BindingSpec, Direction, FunctionApp, FunctionSpec
from funchost.console.listing import function_list, loopback_url
from funchost.console.text import render_text


def function(name: str, kind: str, **changes: Any) -> FunctionSpec:
    trigger = BindingSpec(kind, "it", Direction.IN, properties=changes.pop("properties", {}))
    here = Path("/app")
    return FunctionSpec(
        name=name,
        trigger=trigger,
        bindings=(trigger,),
        call=print,
        is_async=False,
        directory=here,
        script_file=here / "function_app.py",
        entry_point=name,
        model="decorators",
        **changes,
    )


def listed(*functions: FunctionSpec, route_prefix: str = "api") -> list[str]:
    app = FunctionApp(Path("/app"), functions)
    notices = function_list(0, app, url="http://localhost:7071", route_prefix=route_prefix)
    return [line for notice in notices if (line := render_text(notice, colour=False).rstrip("\n"))]


def test_http_functions_come_first_with_methods_and_addresses():
    lines = listed(
        function("Add", "activityTrigger"),
        function("Hello", "httpTrigger", properties={"methods": ["get", "post"], "route": "hi/{name}"}),
        function("Any", "httpTrigger"),
    )
    assert lines == [
        "Functions:",
        "\tHello: [GET,POST] http://localhost:7071/api/hi/{name}",
        "\tAny: http://localhost:7071/api/Any",
        "\tAdd: activityTrigger",
    ]


def test_an_empty_prefix_leaves_the_route_alone():
    assert listed(function("Hello", "httpTrigger"), route_prefix="")[1] == "\tHello: http://localhost:7071/Hello"


def test_an_empty_route_is_the_prefix_itself():
    root = function("Root", "httpTrigger", properties={"route": ""})
    assert listed(root)[1] == "\tRoot: http://localhost:7071/api"
    assert listed(root, route_prefix="")[1] == "\tRoot: http://localhost:7071/"


def test_what_does_not_run_is_listed_last_and_says_why():
    lines = listed(
        function("Broken", "sqlTrigger", problem="sqlTrigger is not supported"),
        function("Off", "timerTrigger", disabled=True),
        function("Fine", "activityTrigger"),
    )
    assert lines[1:] == ["\tFine: activityTrigger", "\tBroken: sqlTrigger is not supported", "\tOff: disabled"]


def test_addresses_that_reach_this_machine_are_shown_as_localhost():
    assert loopback_url("0.0.0.0", 7071) == "http://localhost:7071"
    assert loopback_url("127.0.0.1", 1) == "http://localhost:1"
    assert loopback_url("192.168.1.2", 80) == "http://192.168.1.2:80"
