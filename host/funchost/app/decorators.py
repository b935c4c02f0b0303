"""Apps whose functions are decorated in one script: ``function_app.py``."""

import json
import logging
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from funchost.app.declaration import Declaration
from funchost.app.modules import import_script
from funchost.app.unique import check_unique
from funchost.app.unwrap import author_place
from funchost.errors import ConfigError
from funchost.settings import Settings

__all__ = ["NoAppObject", "read_decorated", "script_of"]

_SETTING = "PYTHON_SCRIPT_FILE_NAME"
_SCRIPT = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_\-]*\.py")


class NoAppObject(ConfigError):
    """The script defines no app: decorated functions have nowhere to be."""


def script_of(root: Path, settings: Settings) -> Path:
    """Where the script of decorated functions would be, whether it is there or not."""
    name = settings.setting(_SETTING) or "function_app.py"
    if _SCRIPT.fullmatch(name) is None:
        raise ConfigError(f"setting {_SETTING} is {name!r}; it must be the name of a .py file in the app's folder")
    return root / name


def read_decorated(script: Path, root: Path) -> list[Declaration]:
    """Import the script and list its functions, in the order of their registration.

    Raises AppImportError when the script does not import, and ConfigError for what concerns the app as a
    whole: none or several app objects (:class:`NoAppObject`), functions without trigger or of one name.
    """
    app = _app_object(import_script(script, root), script)
    _check_registered(app, script, root)
    with _without_advice():
        try:
            # One-shot: the SDK remembers the names it has seen and calls them duplicates the next time.
            functions: list[Any] = list(app.get_functions())
        except (ValueError, TypeError) as exc:
            raise ConfigError(f"{script}: the functions of the app cannot be listed: {exc}") from exc
    return [_declaration(function, script, root) for function in functions]


def _app_object(module: ModuleType, script: Path) -> Any:
    functions = sys.modules.get("azure.functions")
    register = getattr(functions, "FunctionRegister", None)
    found = {} if register is None else {n: v for n, v in vars(module).items() if isinstance(v, register)}
    if not found:
        raise NoAppObject(
            f"{script}: no top-level function app object; add one, such as app = azure.functions.FunctionApp()"
        )
    if len(found) > 1:
        raise ConfigError(f"{script}: more than one top-level function app object ({', '.join(found)}); keep one")
    return next(iter(found.values()))


def _check_registered(app: Any, script: Path, root: Path) -> None:
    """What the SDK would refuse too, but one function at a time and without its line."""
    builders = getattr(app, "_function_builders", ())
    functions = [function for b in builders if (function := getattr(b, "_function", None)) is not None]
    bare = [str(f.get_function_name()) for f in functions if f.get_trigger() is None]
    if bare:
        raise ConfigError(
            f"{script}: functions without trigger: {', '.join(bare)}; give each a trigger decorator, "
            "with durable decorators directly above the function and all others above them"
        )
    check_unique(
        functions,
        lambda f: str(f.get_function_name()),
        lambda f: _place(f.get_user_function(), script, root),
        "functions are named",
    )


def _place(call: Any, script: Path, root: Path) -> str:
    found = author_place(call, root)
    return f"{found[0]}:{found[1]}" if found else str(script)


def _declaration(function: Any, script: Path, root: Path) -> Declaration:
    call = function.get_user_function()
    found, place = author_place(call, root), _place(call, script, root)
    problem: str | None = None
    bindings: list[Mapping[str, Any]] = []
    try:
        bindings = [json.loads(text) for text in function.get_raw_bindings()]
    except (TypeError, ValueError) as exc:
        problem = f"a binding holds what is not JSON: {exc}"
    return Declaration(
        name=str(function.get_function_name()),
        place=place,
        model="decorators",
        directory=found[0].parent if found else root,
        script_file=script,
        entry_point=str(getattr(function, "_name", getattr(call, "__name__", ""))),
        bindings=bindings,
        binding_places=[place] * len(bindings),
        load=lambda: call,
        retry=_retry(function),
        http_type=getattr(function, "http_type", "function"),
        python_name=getattr(function, "_name", None),
        problem=problem,
    )


def _retry(function: Any) -> Mapping[str, Any] | None:
    read = getattr(function, "get_settings_dict", None)  # absent in old releases
    policy = read("retry_policy") if read else None
    if not policy:
        return None
    # Whatever is not "fixed_delay" counts as exponential in this model.
    fixed = str(policy.get("strategy", "")).replace("_", "").lower() == "fixeddelay"
    return {**policy, "strategy": "fixedDelay" if fixed else "exponentialBackoff"}


@contextmanager
def _without_advice() -> Generator[None]:
    """Keep the SDK from logging to the root logger, which would even configure it, for apps without HTTP."""
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    root.addFilter(_is_no_advice)
    try:
        yield
    finally:
        root.removeFilter(_is_no_advice)
        root.removeHandler(silent)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Auth level is not applied")
