"""Apps that do not import."""

import subprocess
import sys

import azure.durable_functions as df
import pytest

from app.loader import Loader
from funchost.errors import AppImportError


def failure(loader: Loader, script: str, **files: str) -> AppImportError:
    with pytest.raises(AppImportError) as caught:
        loader.load({"function_app.py": script, **{f"{name}.py": text for name, text in files.items()}})
    return caught.value


def test_the_traceback_has_the_author_s_frames_only(loader: Loader):
    script = "import json\nfrom inner import go\ngo(json)\n"
    error = failure(loader, script, inner="def go(json):\n    json.loads('{')\n")
    lines = error.framed.splitlines()
    assert lines[0] == "┌ function_app.py does not import"
    assert [line for line in lines if "  File " in line] == [
        f'│   File "{loader.root / "function_app.py"}", line 3, in <module>',
        f'│   File "{loader.root / "inner.py"}", line 2, in go',
    ]
    assert str(error).startswith(f"{loader.root / 'inner.py'}:2: function_app.py does not import: json.decoder.JSON")


def test_a_syntax_error_names_its_place(loader: Loader):
    error = failure(loader, "x = 1\ndef f(:\n")
    assert str(error).startswith(f"{loader.root / 'function_app.py'}:2: ")
    assert "def f(:" in error.framed


def test_a_missing_module_names_the_interpreter_and_the_command(loader: Loader):
    error = failure(loader, "import not_installed_anywhere.deep\n")
    assert f"no module 'not_installed_anywhere' in the environment of {sys.executable}" in str(error)
    assert str(error).endswith(f"{sys.executable} -m pip install not_installed_anywhere")
    assert error.framed.splitlines()[-1].startswith("└ no module 'not_installed_anywhere'")


def test_requirements_are_installed_when_there_are_any(loader: Loader):
    loader.write({"requirements.txt": "azure-functions\n"})
    error = failure(loader, "import not_installed_anywhere\n")
    assert str(error).endswith(f"-m pip install -r {loader.root / 'requirements.txt'}")


def test_the_app_s_own_environment_is_where_a_missing_module_is_looked_for(loader: Loader):
    loader.write({".venv/pyvenv.cfg": ""})
    error = failure(loader, "import not_installed_anywhere\n")
    assert f"start with {loader.root / '.venv' / 'bin' / 'python'} -m funchost start" in str(error)


def test_causes_are_shown_without_foreign_frames(loader: Loader):
    script = "try:\n    int('x')\nexcept ValueError as exc:\n    raise LookupError('no number') from exc\n"
    framed = failure(loader, script).framed
    assert "invalid literal for int()" in framed
    assert "no number" in framed
    assert "funchost" not in framed.replace(str(loader.root), "")


def test_an_app_that_exits_does_not_end_the_host(loader: Loader):
    assert "SystemExit: 3" in str(failure(loader, "import sys\nsys.exit(3)\n"))


def test_nothing_of_a_failed_script_stays_imported(loader: Loader):
    failure(loader, "raise LookupError\n")
    assert "function_app" not in sys.modules


def test_a_host_json_that_the_durable_sdk_refuses_is_explained(loader: Loader):
    # In a process of its own: the SDK skips the file where pytest is loaded.
    loader.write({"host.json": '{"version": "2.0", // here\n}', "function_app.py": "import azure.durable_functions\n"})
    code = (
        "from pathlib import Path; from funchost.app import load_app; from funchost.settings import load_settings\n"
        "from funchost.errors import AppImportError\n"
        "settings, notes = load_settings(Path.cwd(), {})\n"
        "assert notes == [], notes\n"
        "try: load_app(settings.root, settings)\n"
        "except AppImportError as exc: print(exc)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=loader.root, capture_output=True, text=True, check=True)
    assert "remove comments, trailing commas and the byte order mark from host.json" in run.stdout


FOLDER_APP = {
    "F/function.json": '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"}]}',
    "F/__init__.py": "import azure.durable_functions as df\ndef main(x): ...\n",
}
HOST = {"host.json": '{"version": "2.0"}'}
SCRIPT_APP = {
    "function_app.py": "import azure.durable_functions as df\napp = df.DFApp()\n"
    '@app.activity_trigger(input_name="x")\ndef f(x): ...\n'
}


@pytest.mark.skipif(
    not hasattr(df, "DurableFunctionsCompatibilityWarning"), reason="this release of the SDK does not warn"
)
@pytest.mark.parametrize(
    ("files", "requirements", "warned"),
    [
        (HOST | FOLDER_APP, b"azure-functions-durable\n", True),
        (HOST | FOLDER_APP, b"\xff", True),
        (HOST | FOLDER_APP, b"azure-functions-durable<2\n", False),
        (FOLDER_APP, b"azure-functions-durable\n", False),
        (HOST | SCRIPT_APP, b"azure-functions-durable\n", False),
    ],
    ids=["unpinned", "unreadable", "pinned", "without host.json", "decorators"],
)
def test_the_sdk_s_warning_about_apps_of_folders_is_shown_and_keeps_nothing_from_loading(
    loader: Loader, files: dict[str, str], requirements: bytes, warned: bool
):
    # In a process of its own: the SDK warns where it is imported first.
    loader.write(files)
    (loader.root / "requirements.txt").write_bytes(requirements)
    code = (
        "from pathlib import Path; from funchost.app import load_app; from funchost.settings import load_settings\n"
        "settings, _ = load_settings(Path.cwd(), {})\n"
        "print([function.problem for function in load_app(settings.root, settings).functions])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=loader.root, capture_output=True, text=True, check=True)
    assert run.stdout == "[None]\n"
    assert ("DurableFunctionsCompatibilityWarning" in run.stderr) == warned, run.stderr
