"""host.json as a tree, with the settings that override parts of it.

Names ignore case. A setting ``AzureFunctionsJobHost__a__b`` replaces member ``a.b`` of the file, and
``__0`` an item of a list.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from funchost.errors import ConfigError
from funchost.settings.jsonc import JsonMistake, line_of, parse

__all__ = ["HostFile", "find_member", "read_host_file"]

_OVERRIDE = re.compile(r"AzureFunctionsJobHost(?:__|:)(.+)", re.IGNORECASE)
_SEPARATOR = re.compile(r"__|:")


class HostFile:
    """The parsed file. ``is_blank``: it is missing (then ``text`` is "") or holds ``{}``."""

    def __init__(self, path: Path, text: str, tree: dict[str, Any]) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.is_blank = not tree
        self._overrides: dict[tuple[str, ...], str] = {}

    def override(self, environ: Mapping[str, str]) -> None:
        """Lay the settings that name members of the file over it."""
        for name in sorted(environ):
            if match := _OVERRIDE.fullmatch(name):
                keys = _SEPARATOR.split(match[1])
                _put(self.tree, keys, environ[name])
                self._overrides[_folded(keys)] = name

    def where(self, keys: Sequence[str]) -> str:
        """The place to show for a member: the setting that gave it, or file and line."""
        for length in range(len(keys), 0, -1):
            if name := self._overrides.get(_folded(keys[:length])):
                return f"setting {name}"
        line = line_of(self.text, keys) if self.text else None
        return f"{self.path}:{line}" if line else str(self.path)


def read_host_file(path: Path) -> HostFile:
    """An empty tree when there is no such file. Raises ConfigError with line and column when it is not JSON."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return HostFile(path, "", {})
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    try:
        tree = parse(text)
    except JsonMistake as exc:
        raise ConfigError(f"{path}:{exc.line}:{exc.column}: not valid JSON: {exc}") from exc
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}:1:1: must hold a JSON object")
    return HostFile(path, text, tree)


def find_member(tree: Any, keys: Sequence[str]) -> Any:
    """The value of a member by names in any case; None when absent, or when a part of the way is no object."""
    for key in keys:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(_spelled(tree, key))
    return tree


def _put(place: Any, keys: Sequence[str], value: str) -> None:
    key, *rest = keys
    index: Any = _index(place, key) if isinstance(place, list) else _spelled(place, key)
    if not rest:
        place[index] = value
        return
    current = place[index] if isinstance(place, list) else place.get(index)
    if not isinstance(current, dict | list):
        place[index] = current = [] if rest[0].isdigit() else {}
    _put(current, rest, value)


def _index(place: list[Any], key: str) -> int:
    """Where item ``key`` goes; what is no number, or far behind the end, goes at the end."""
    index = min(int(key) if key.isdigit() else len(place), len(place))
    if index == len(place):
        place.append(None)
    return index


def _spelled(tree: dict[str, Any], key: str) -> str:
    """The author's spelling of ``key``, or ``key``."""
    if key in tree:
        return key
    wanted = key.lower()
    return next((name for name in tree if name.lower() == wanted), key)


def _folded(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(key.lower() for key in keys)
