"""Importing an app's own modules, under the names that its history and its relative imports rely on."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from funchost.app.framing import import_error
from funchost.errors import ConfigError

__all__ = ["enter", "import_script", "import_under_app", "module_name"]

_APP = "__app__"
_SCRIPT_ROOT = "AzureWebJobsScriptRoot"


def enter(root: Path) -> None:
    """Make this process the app's: its folder, its import path. Once, before anything of it is imported.

    The app comes last on the path: an installed package wins over an equally named module of the app, as
    on the official worker. The durable SDK looks for host.json in the current folder when imported.
    """
    os.chdir(root)
    os.environ[_SCRIPT_ROOT] = str(root)
    if sys.path and sys.path[0] in ("", str(root)):  # put there by "python -m funchost"
        del sys.path[0]
    for folder in (root / ".python_packages" / "lib" / "site-packages", root):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))
    importlib.invalidate_caches()


def import_script(script: Path, root: Path) -> ModuleType:
    """Import a script of the app's root as a top-level module named by its stem.

    It is taken by path, so that ``test.py`` is not mistaken for a package of the standard library. Raises
    AppImportError when its code raises, ConfigError when another module has its name already.
    """
    name = script.stem
    if name in sys.modules:
        raise ConfigError(f"{script}: a module named {name!r} is loaded already; give the script another name")
    return _execute(name, script, root)


def import_under_app(script: Path, root: Path) -> ModuleType:
    """Import a script anywhere in the app as a member of the namespace package ``__app__``.

    Raises AppImportError when its code raises.
    """
    _ensure_namespace(root)
    name = module_name(script, root)
    if name in sys.modules:
        return sys.modules[name]
    return _execute(name, script, root)


def module_name(script: Path, root: Path) -> str:
    """``__app__.Folder`` for ``Folder/__init__.py``, ``__app__.Folder.main`` for ``Folder/main.py``."""
    parts = list(script.relative_to(root).parent.parts)
    if script.name != "__init__.py" or not parts:
        parts.append(script.stem)
    return ".".join((_APP, *parts))


def _ensure_namespace(root: Path) -> None:
    if _APP not in sys.modules:
        package = ModuleType(_APP)
        package.__path__ = [str(root)]
        package.__package__ = _APP
        sys.modules[_APP] = package


def _execute(name: str, script: Path, root: Path) -> ModuleType:
    search = [str(script.parent)] if script.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, script, submodule_search_locations=search)
    assert spec is not None
    assert spec.loader is not None
    try:
        if parent := spec.parent if search is None else name.rpartition(".")[0]:
            importlib.import_module(parent)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        sys.modules.pop(name, None)
        raise import_error(exc, script, root) from exc
    if (holder := sys.modules.get(name.rpartition(".")[0])) is not None:
        setattr(holder, name.rpartition(".")[2], module)
    return module
