"""Functions declared in YAML: a ``function.yaml`` in a function's folder, or one for the whole app at its root."""

from pathlib import Path
from typing import Any

from funchost.app.declaration import Declaration
from funchost.app.function_file import FunctionFile, broken, declare
from funchost.app.yaml_source import YamlMistake, YamlSource
from funchost.errors import ConfigError

__all__ = ["read_app_yaml", "read_function_yaml"]

_KEYS = frozenset({"name", "scriptfile", "entrypoint", "bindings", "retry", "disabled"})


def read_function_yaml(path: Path, root: Path) -> Declaration:
    """The function named after the folder of ``path``: the keys of function.json."""
    name = path.parent.name
    try:
        source = YamlSource(path.read_text(encoding="utf-8-sig"))
    except YamlMistake as exc:
        return broken(name, path, exc.line, f"not valid YAML: {exc}", "function.yaml")
    except (OSError, UnicodeDecodeError) as exc:
        return broken(name, path, None, f"the file cannot be read: {exc}", "function.yaml")
    if not isinstance(source.content, dict):
        return broken(name, path, 1, "the file must hold a mapping", "function.yaml")
    return declare(FunctionFile(name, path, path.parent, "function.yaml", source.content, source.line_of), root)


def read_app_yaml(path: Path, root: Path) -> list[Declaration]:
    """All functions under ``functions:``. Raises ConfigError when the file as a whole cannot be used."""
    try:
        source = YamlSource(path.read_text(encoding="utf-8-sig"))
    except YamlMistake as exc:
        raise ConfigError(f"{path}:{exc.line}: not valid YAML: {exc}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    listed = source.content.get("functions") if isinstance(source.content, dict) else None
    if not isinstance(listed, list):
        line = source.line_of(["functions"]) or 1
        raise ConfigError(f"{path}:{line}: must hold 'functions:', a list of functions")
    return [_one(path, source, index, item, root) for index, item in enumerate(listed)]


def _one(path: Path, source: YamlSource, index: int, item: Any, root: Path) -> Declaration:
    line = source.line_of(["functions", index])
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ConfigError(f"{path}:{line}: each function needs a 'name', which is text")
    for key in item:
        if str(key).lower() not in _KEYS:
            where = source.line_of(["functions", index, str(key)])
            return broken(item["name"], path, where, f"{key!r} is not a key of a function", "function.yaml")
    file = FunctionFile(
        item["name"],
        path,
        path.parent,
        "function.yaml",
        item,
        lambda keys: source.line_of(["functions", index, *keys]),
        listed=True,
    )
    return declare(file, root)
