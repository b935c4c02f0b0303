"""Apps of folders with a function.json."""

import sys

import pytest

from app.loader import Loader
from funchost.app import NO_TRIGGER, FunctionApp
from funchost.errors import ConfigError

ACTIVITY = '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"}]}'
MAIN = "def main(x): return x\n"


def test_a_folder_is_a_function_named_after_it(loader: Loader):
    files = {"Hello/function.json": ACTIVITY, "Hello/__init__.py": MAIN, "plain/x.py": "", "host.json": "{}"}
    (function,) = loader.load(files).functions
    assert (function.name, function.model, function.entry_point) == ("Hello", "function.json", "main")
    assert function.directory == loader.root / "Hello"
    assert function.call("value") == "value"


def test_properties_and_enumerations_ignore_case(loader: Loader):
    text = (
        '{"Bindings": [{"TYPE": "HTTPTRIGGER", "Direction": "IN", "name": "x", "AuthLevel": "Anonymous", '
        '"methods": ["GET"], "datatype": "Binary"}, {"type": "HTTP", "direction": "Out", "name": "$return"}]}'
    )
    (function,) = loader.load({"F/function.json": text, "F/__init__.py": MAIN}).functions
    assert (function.trigger.type, function.trigger.data_type) == ("httpTrigger", "binary")
    assert (function.trigger.get("authLevel"), function.trigger.get("methods")) == ("anonymous", ["get"])
    assert function.trigger.get("route") == "F"
    assert function.outputs()[0].type == "http"


def test_comments_and_trailing_commas_are_read(loader: Loader):
    text = '{ // mine\n"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x",},], }'
    assert loader.load({"F/function.json": text, "F/__init__.py": MAIN}).functions[0].runs


@pytest.mark.parametrize(
    ("extra", "script", "module"),
    [
        ("", "__init__.py", "__app__.F"),
        ("", "main.py", "__app__.F.main"),
        ('"scriptFile": "sub/deep.py",', "sub/deep.py", "__app__.F.sub.deep"),
        ('"scriptFile": "__init__.py",', "__init__.py", "__app__.F"),
        ('"scriptFile": "../shared/code.py",', "../shared/code.py", "__app__.shared.code"),
    ],
)
def test_modules_have_the_names_that_histories_hold(loader: Loader, extra: str, script: str, module: str):
    text = ACTIVITY.replace("{", "{" + extra, 1)
    (function,) = loader.load({"F/function.json": text, f"F/{script}": MAIN}).functions
    assert function.problem is None
    assert function.call.__module__ == module
    assert sys.modules[module].main is function.call


def test_without_script_file_run_or_init_is_taken_among_several(loader: Loader):
    files = {"F/function.json": ACTIVITY, "F/__init__.py": MAIN, "F/other.py": "", "F/readme.md": ""}
    assert loader.load(files).functions[0].script_file.name == "__init__.py"


def test_the_entry_point_may_have_another_name(loader: Loader):
    text = ACTIVITY.replace("{", '{"entryPoint": "go",', 1)
    (function,) = loader.load({"F/function.json": text, "F/__init__.py": "def go(x): ...\n"}).functions
    assert (function.entry_point, function.problem) == ("go", None)


def test_relative_and_absolute_imports_of_the_app_s_own_modules_work(loader: Loader):
    files = {
        "F/function.json": ACTIVITY,
        "F/__init__.py": "from ..shared import near\nfrom . import beside\nimport shared.near as far\n"
        "from __app__.shared import near as third\ndef main(x): return [near, far, third]\n",
        "F/beside.py": "",
        "shared/near.py": "",
    }
    (function,) = loader.load(files).functions
    assert function.problem is None
    near, far, third = function.call(None)
    assert (near.__name__, far.__name__) == ("__app__.shared.near", "shared.near")
    assert near is third


def load_one_bad(loader: Loader, text: str, script: str = MAIN) -> FunctionApp:
    good = {"Good/function.json": ACTIVITY, "Good/__init__.py": MAIN}
    app = loader.load({**good, "Bad/function.json": text, "Bad/__init__.py": script})
    bad, good_one = app.functions
    assert good_one.runs
    assert app.mistakes == (bad.problem,)
    return app


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ('{\n "bindings" []}', ":2", "not valid JSON at column 13"),
        ("[]", ":1", "must hold a JSON object"),
        ("{}", "", "it needs 'bindings'"),
        ('{\n"bindings": []}', ":2", "it needs 'bindings'"),
        ('{"bindings": [3]}', ":1", "each of its bindings must be an object"),
        ('{"bindings": [{"direction": "in", "name": "x"}]}', ":1", "a binding has no 'type'"),
        ('{"bindings": [{"type": "activityTrigger", "name": "x"}]}', ":1", "has no 'direction'"),
        ('{"bindings": [{"type": "activityTrigger", "direction": "in"}]}', ":1", "has no 'name'"),
        ('{"bindings": [{"type": "activityTrigger", "direction": "up", "name": "x"}]}', ":1", "direction 'up'"),
        ('{"bindings": [{"type": "activityTrigger", "direction": "inout", "name": "x"}]}', ":1", '"inout"'),
        ('{"bindings": [{"type": "activityTrigger", "direction": "out", "name": "x"}]}', ":1", 'direction "in"'),
        ('{"bindings": [{"type": "durableClient", "direction": "in", "name": "x"}]}', ":1", "it has no trigger"),
        (
            '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"},'
            '{"type": "httpTrigger", "direction": "in", "name": "y"}]}',
            ":1",
            "it has 2 triggers (activityTrigger, httpTrigger)",
        ),
        (
            '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"},'
            '\n{"type": "durableClient", "direction": "in", "name": "X"}]}',
            ":2",
            "two bindings are named 'X'",
        ),
        (
            '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"},'
            '{"type": "http", "direction": "in", "name": "$return"}]}',
            ":1",
            '"$return" must have the direction "out"',
        ),
        (
            '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x", "dataType": "json"}]}',
            ":1",
            "dataType 'json'",
        ),
        (
            '{"bindings": [{"type": "httpTrigger", "direction": "in", "name": "x", "authLevel": "all"}]}',
            ":1",
            "authLevel is 'all'",
        ),
        (ACTIVITY.replace("{", '{\n"scriptFile": "gone.py",', 1), ":2", "'gone.py' does not exist"),
        (ACTIVITY.replace("{", '{"scriptFile": "function.json",', 1), ":1", "is no .py file"),
        (ACTIVITY.replace("{", '{"scriptFile": 3,', 1), ":1", "scriptFile must be text, not 3"),
        (ACTIVITY.replace("{", '{"entryPoint": "gone",', 1), ":1", "has no function 'gone'"),
        (ACTIVITY.replace("{", '{"retry": {"strategy": "x"},', 1), ":1", "retry.strategy must be"),
        (ACTIVITY.replace('"x"', '"y"'), ":1", "parameters without a binding: x; bindings without a parameter: y"),
    ],
)
def test_a_bad_file_is_the_problem_of_its_function_alone(loader: Loader, text: str, place: str, told: str):
    problem = load_one_bad(loader, text).functions[0].problem
    assert problem is not None
    assert problem.startswith(f"{loader.root / 'Bad' / 'function.json'}{place}: cannot load the Bad function: ")
    assert told in problem


def test_a_module_that_does_not_import_is_the_problem_of_its_function_alone(loader: Loader):
    bad = load_one_bad(loader, ACTIVITY, "x = 1\nraise LookupError('nothing here')\n").functions[0]
    assert bad.problem is not None
    assert f"{loader.root / 'Bad' / '__init__.py'}:2: __init__.py does not import: LookupError" in bad.problem
    assert "raise LookupError('nothing here')" in bad.framed


def test_a_function_whose_trigger_cannot_be_read_has_none(loader: Loader):
    assert load_one_bad(loader, "{}").functions[0].trigger is NO_TRIGGER


def test_two_folders_that_differ_in_case_only_are_refused(loader: Loader):
    if (loader.root / "X").mkdir() or (loader.root / "x").exists():
        pytest.skip("the file system ignores case")
    files = {
        f"{name}/{file}": text for name in "Xx" for file, text in (("function.json", ACTIVITY), ("__init__.py", MAIN))
    }
    with pytest.raises(ConfigError, match=r"2 functions are named 'X' \(names ignore case\)"):
        loader.load(files)


@pytest.mark.parametrize(
    ("disabled", "environ", "expected"),
    [
        ("true", {}, True),
        ("false", {}, False),
        ('"SWITCH"', {}, False),
        ('"SWITCH"', {"SWITCH": "True"}, True),
        ('"%SWITCH%"', {"SWITCH": "1"}, True),
        ('"SWITCH"', {"SWITCH": "0"}, False),
        ("true", {"AzureWebJobs.F.Disabled": "false"}, False),
        ("false", {"AzureWebJobs_F_Disabled": "1"}, True),
        ("false", {"azurewebjobs.f.disabled": "TRUE"}, True),
    ],
)
def test_settings_beat_the_file_on_what_is_disabled(
    loader: Loader, disabled: str, environ: dict[str, str], expected: bool
):
    text = ACTIVITY.replace("{", f'{{"disabled": {disabled},', 1)
    (function,) = loader.load({"F/function.json": text, "F/__init__.py": MAIN}, environ=environ).functions
    assert function.disabled is expected
    assert function.runs is not expected
