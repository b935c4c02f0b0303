"""Which functions an app has, and what the user is told about it."""

import sys

import pytest

from app.loader import IMPORTS, Loader
from funchost.app.types import AVAILABLE

ACTIVITY = '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"}]}'
FOLDER = {"Old/function.json": ACTIVITY, "Old/__init__.py": "def main(x): ...\n"}
ROUTE = "@app.route()\ndef new(req): ...\n"


def test_decorated_functions_hide_those_of_folders_with_a_note(loader: Loader):
    loader.write(FOLDER)
    app = loader.script(ROUTE)
    assert [f.name for f in app.functions] == ["new"]
    assert app.notes == ("function_app.py defines functions, so these are ignored: Old/function.json",)


def test_a_script_without_functions_leaves_the_folders_to_be_used(loader: Loader):
    loader.write(FOLDER)
    assert [f.name for f in loader.script("").functions] == ["Old"]


def test_an_app_without_functions_is_one_with_a_note(loader: Loader):
    app = loader.script("")
    assert app.functions == ()
    assert "no functions found" in app.notes[0]


def test_functions_that_are_filtered_out_vanish_and_are_not_imported(loader: Loader):
    files = {**FOLDER, "Broken/function.json": ACTIVITY, "Broken/__init__.py": "raise SystemExit\n"}
    app = loader.load(files, functions=["OLD", "Missing"])
    assert [f.name for f in app.functions] == ["Old"]
    assert "__app__.Broken" not in sys.modules
    assert app.notes == ("the app has no function named Missing",)


def test_the_filter_of_host_json_holds_too(loader: Loader):
    loader.write({"host.json": '{"version": "2.0", "functions": ["new"]}'})
    app = loader.script(ROUTE + "@app.route()\ndef other(req): ...\n")
    assert [f.name for f in app.functions] == ["new"]


@pytest.mark.parametrize(
    ("decorator", "told"),
    [
        ('queue_trigger(arg_name="x", queue_name="q", connection="")', "queueTrigger is not available in this release"),
        ('timer_trigger(arg_name="x", schedule="0 * * * * *")', "timerTrigger is not available in this release"),
        ('blob_trigger(arg_name="x", path="p", connection="")', "blobTrigger is not available in this release"),
        ('warm_up_trigger(arg_name="x")', "warmupTrigger is not available in this release"),
        (
            'service_bus_queue_trigger(arg_name="x", queue_name="q", connection="")',
            "serviceBusTrigger is not supported",
        ),
        ('event_grid_trigger(arg_name="x")', "eventGridTrigger is not supported"),
        ('generic_trigger(arg_name="x", type="redisListTrigger")', "redisListTrigger is not supported"),
    ],
)
def test_a_trigger_that_the_host_lacks_disables_its_function_with_one_line(loader: Loader, decorator: str, told: str):
    app = loader.script(f"@app.{decorator}\ndef lacking(x): ...\n{ROUTE}")
    lacking, new = app.functions
    assert lacking.problem == told
    assert not lacking.runs
    assert new.runs
    assert app.mistakes == ()


def test_the_host_decides_which_kinds_it_has(loader: Loader):
    body = '@app.queue_trigger(arg_name="x", queue_name="q", connection="")\ndef f(x: func.QueueMessage): ...\n'
    assert loader.one(body, available=AVAILABLE | {"queuetrigger"}).runs


def test_an_input_that_the_host_lacks_disables_its_function(loader: Loader):
    body = '@app.route()\n@app.blob_input(arg_name="b", path="p", connection="")\ndef f(req, b): ...\n'
    assert loader.one(body).problem == "the input binding blob is not available in this release"


def test_an_output_that_the_host_lacks_does_not_keep_a_function_from_running(loader: Loader):
    body = (
        '@app.generic_output_binding(arg_name="sms", type="twilioSms")\n'
        '@app.activity_trigger(input_name="x")\ndef f(x, sms): ...\n'
    )
    assert loader.one(body).runs


def test_entities_run(loader: Loader):
    app = loader.script('@app.entity_trigger(context_name="context")\ndef counter(context): ...\n')
    assert app.functions[0].runs
    assert app.notes == ()


def test_the_process_becomes_the_app_s(loader: Loader):
    (loader.root / ".python_packages" / "lib" / "site-packages").mkdir(parents=True)
    seen = "seen = (os.getcwd(), os.environ['AzureWebJobsScriptRoot'], sys.path[-2:])\n"
    loader.load({"function_app.py": f"{IMPORTS}import os, sys\napp = func.FunctionApp()\n{seen}"})
    root = str(loader.root)
    packages = str(loader.root / ".python_packages" / "lib" / "site-packages")
    assert sys.modules["function_app"].seen == (root, root, [packages, root])


def test_an_app_without_durable_functions_does_not_pay_for_their_sdk(loader: Loader):
    text = "import azure.functions as func\napp = func.FunctionApp()\n" + ROUTE
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("azure.durable_functions")}
    try:
        assert loader.load({"function_app.py": text}).functions[0].runs
        assert "azure.durable_functions" not in sys.modules
    finally:
        sys.modules.update(hidden)


def test_another_environment_in_the_app_folder_is_named_with_the_command_that_uses_it(loader: Loader):
    loader.write({".venv/pyvenv.cfg": "home = /usr/bin\n"})
    (note,) = loader.script(ROUTE).notes
    assert sys.executable in note
    assert f"{loader.root / '.venv' / 'bin' / 'python'} -m funchost start" in note


def test_the_environment_that_runs_may_be_in_the_app_folder(loader: Loader, monkeypatch: pytest.MonkeyPatch):
    loader.write({".venv/pyvenv.cfg": "home = /usr/bin\n"})
    monkeypatch.setattr(sys, "prefix", str(loader.root / ".venv"))
    assert loader.script(ROUTE).notes == ()


def test_settings_between_percent_signs_are_put_in_their_place(loader: Loader):
    text = '@app.route(route="%x%")\n@app.queue_output(arg_name="q", queue_name="a-%NAME%-%x%", connection="")\n'
    function = loader.one(f"{text}def f(req, q): ...\n", environ={"Name": "b", "X": "c"})
    assert [b.get("queueName") for b in function.outputs()] == ["a-b-c", None]
    assert function.trigger.get("route") == "%x%"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("%GONE%", "queuename of binding 'q' refers to the setting 'GONE', which is not set"),
        ("50%", "queuename of binding 'q' has a single '%' at position 3"),
    ],
)
def test_a_reference_to_nothing_is_a_problem_that_names_it(loader: Loader, name: str, told: str):
    text = f'@app.route()\n@app.queue_output(arg_name="q", queue_name="{name}", connection="")\n'
    function = loader.one(f"{text}def f(req, q): ...\n")
    assert function.problem is not None
    assert told in function.problem
