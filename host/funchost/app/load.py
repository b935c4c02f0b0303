"""Loading an app: find its model, import it, describe every function, tell what the user should know."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from funchost.app.declaration import Declaration
from funchost.app.decorators import NoAppObject, read_decorated, script_of
from funchost.app.describe import describe
from funchost.app.function_json import read_function_json
from funchost.app.function_yaml import read_app_yaml, read_function_yaml
from funchost.app.interpreter import other_environment
from funchost.app.modules import enter
from funchost.app.passing import let_contexts_pass
from funchost.app.spec import FunctionApp, FunctionSpec
from funchost.app.types import AVAILABLE
from funchost.app.unique import check_unique
from funchost.settings import Settings

__all__ = ["load_app"]

_DURABLE = ("orchestrationtrigger", "activitytrigger", "entitytrigger")


def load_app(root: Path, settings: Settings, *, available: frozenset[str] = AVAILABLE) -> FunctionApp:
    """Import the app in ``root`` into this process, once, and describe its functions.

    ``settings.values`` must be in the environment already. The current folder and the import path become
    the app's. ``available`` are the kinds of triggers and input bindings (types in lower case) that the
    host has; a function that needs another is listed with a problem. One bad function does not keep the
    others from running. Raises AppImportError when the script of a decorated app does not import, and
    ConfigError for what concerns the app as a whole, such as two functions of one name.
    """
    root = root.absolute()
    enter(root)
    notes = [note for note in [other_environment(root)] if note]
    declared = _declarations(root, settings, notes)
    check_unique(declared, lambda d: d.name, lambda d: d.place, "functions are named")
    wanted = _filtered(declared, settings.functions, notes)
    functions = sorted((describe(d, settings, available) for d in wanted), key=lambda f: f.name.upper())
    _check_durable_names(functions)
    let_contexts_pass()
    notes += _remarks(functions)
    return FunctionApp(root, tuple(functions), tuple(notes))


def _declarations(root: Path, settings: Settings, notes: list[str]) -> list[Declaration]:
    """Decorated functions when the app has any; what files declare otherwise."""
    app_yaml = root / "function.yaml"
    files = _function_files(root, notes)
    script = script_of(root, settings)
    decorated: list[Declaration] = []
    if script.is_file():
        try:
            decorated = read_decorated(script, root)
        except NoAppObject:
            if not app_yaml.is_file():  # the script may be one that the file refers to
                raise
    if decorated:
        ignored = [str(f.relative_to(root)) for f in (*files, app_yaml) if f.is_file()]
        if ignored:
            notes.append(f"{script.name} defines functions, so these are ignored: {', '.join(ignored)}")
        return decorated
    declared = [_read_file(path, root) for path in files]
    return declared + (read_app_yaml(app_yaml, root) if app_yaml.is_file() else [])


def _function_files(root: Path, notes: list[str]) -> list[Path]:
    found: list[Path] = []
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        as_json, as_yaml = folder / "function.json", folder / "function.yaml"
        if as_json.is_file() and as_yaml.is_file():
            notes.append(f"{folder.name} has function.json and function.yaml; function.yaml is ignored")
        found += [path for path in (as_json, as_yaml) if path.is_file()][:1]
    return found


def _read_file(path: Path, root: Path) -> Declaration:
    return read_function_json(path, root) if path.suffix == ".json" else read_function_yaml(path, root)


def _filtered(declared: Sequence[Declaration], only: tuple[str, ...] | None, notes: list[str]) -> Sequence[Declaration]:
    if only is None:
        return declared
    wanted = {name.lower() for name in only}
    there = {d.name.lower() for d in declared}
    if missing := [name for name in only if name.lower() not in there]:
        notes.append(f"the app has no function named {', '.join(missing)}")
    return [d for d in declared if d.name.lower() in wanted]


def _check_durable_names(functions: Iterable[FunctionSpec]) -> None:
    for kind in _DURABLE:
        running = [f for f in functions if f.runs and f.trigger.kind == kind]
        what = f"functions with an {running[0].trigger.type} are called" if running else ""
        check_unique(running, lambda f: f.durable_name, lambda f: f.name, what)


def _remarks(functions: Sequence[FunctionSpec]) -> list[str]:
    notes: list[str] = []
    if not functions:
        notes.append("no functions found; the host runs, and answers 404 everywhere")
    if doubled := [f"{f.name}.{b.name}" for f in functions for b in f.bindings if "__" in b.name]:
        notes.append(f"parameter names with two underscores do not run on Azure: {', '.join(doubled)}")
    return notes
