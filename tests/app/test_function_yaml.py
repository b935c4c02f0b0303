"""Functions declared in YAML."""

from pathlib import Path

import pytest

from app.loader import Loader
from funchost.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "function.yaml.example"
FOLDER = "bindings:\n  - {type: activityTrigger, direction: in, name: x}\n"
LISTED = """functions:
  - name: One
    scriptFile: code.py
    entryPoint: one
    bindings:
      - type: activityTrigger
        direction: in
        name: x
"""


def test_a_folder_may_have_yaml_in_place_of_json(loader: Loader):
    (function,) = loader.load({"F/function.yaml": FOLDER, "F/__init__.py": "def main(x): return x\n"}).functions
    assert (function.name, function.model, function.problem) == ("F", "function.yaml", None)
    assert function.call.__module__ == "__app__.F"


def test_both_files_in_a_folder_mean_json_with_a_note(loader: Loader):
    as_json = '{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "x"}]}'
    files = {"F/function.yaml": FOLDER, "F/function.json": as_json, "F/__init__.py": "def main(x): ...\n"}
    app = loader.load(files)
    assert [f.model for f in app.functions] == ["function.json"]
    assert "function.yaml is ignored" in app.notes[0]


def test_one_file_at_the_root_may_list_functions(loader: Loader):
    root = {"function.yaml": LISTED, "code.py": "def one(x): return x\n"}
    app = loader.load({**root, "F/function.yaml": FOLDER, "F/__init__.py": "def main(x): ...\n"})
    assert [f.name for f in app.functions] == ["F", "One"]
    assert app.functions[1].call.__module__ == "__app__.code"


def test_the_listed_functions_may_be_in_a_script_of_the_usual_name(loader: Loader):
    text = LISTED.replace("code.py", "function_app.py")
    app = loader.load({"function.yaml": text, "function_app.py": "def one(x): ...\n"})
    assert [f.problem for f in app.functions] == [None]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("functions:\n  - name: a\n   b: c\n", ":3: not valid YAML"),
        ("functions:\n  - name: a\n    name: b\n", ":3: not valid YAML: the key 'name' stands twice"),
        ("other: 1\n", ":1: must hold 'functions:'"),
        ("functions:\n  a: 1\n", ":1: must hold 'functions:'"),
        ("functions:\n  - scriptFile: x.py\n", ":2: each function needs a 'name'"),
        ("functions:\n  - name: 5\n", ":2: each function needs a 'name'"),
        ("", ":1: must hold 'functions:'"),
    ],
)
def test_a_root_file_that_cannot_be_used_is_refused_with_its_line(loader: Loader, text: str, told: str):
    with pytest.raises(ConfigError) as caught:
        loader.load({"function.yaml": text})
    assert str(caught.value).startswith(f"{loader.root / 'function.yaml'}{told}")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scriptFile: code.py", "scriptFile: gone.py", ":3: cannot load the One function: scriptFile 'gone.py'"),
        ("    scriptFile: code.py\n", "", ":2: cannot load the One function: it has no scriptFile"),
        ("direction: in", "direction: up", ":6: cannot load the One function: binding 'x' has the direction 'up'"),
        ("name: x", "name: 5", ":6: cannot load the One function: 'name' of the activityTrigger binding must be text"),
        ("entryPoint", "entrypoints", ":4: cannot load the One function: 'entrypoints' is not a key of a function"),
    ],
)
def test_a_mistake_in_a_listed_function_is_its_problem_with_the_line(loader: Loader, old: str, new: str, told: str):
    text = LISTED.replace(old, new, 1)
    (function,) = loader.load({"function.yaml": text, "code.py": "def one(x): ...\n"}).functions
    assert function.problem is not None
    assert told in function.problem


def test_values_that_look_like_numbers_of_base_sixty_stay_durations(loader: Loader):
    text = FOLDER + "retry:\n  strategy: fixedDelay\n  maxRetryCount: 3\n  delayInterval: 10:00:00\n"
    (function,) = loader.load({"F/function.yaml": text, "F/__init__.py": "def main(x): ...\n"}).functions
    assert function.problem is None
    assert function.retry is not None
    assert function.retry.delay.total_seconds() == 36_000


def test_the_example_at_the_root_of_the_repository_loads(loader: Loader):
    files = {
        "function.yaml": EXAMPLE.read_text(encoding="utf-8"),
        "web.py": "def start(req, client): ...\n",
        "cities.py": "def greet(context): ...\ndef say_hello(city): ...\ndef nightly(nothing): ...\n",
    }
    app = loader.load(files, environ={"NIGHTLY_OFF": "1"})
    assert [f.problem for f in app.functions] == [None] * 4
    assert [(f.durable_name, f.disabled) for f in app.functions] == [
        ("greet", False),
        ("Nightly", True),
        ("SayHello", False),
        ("start", False),
    ]
    assert app.functions[2].retry is not None
