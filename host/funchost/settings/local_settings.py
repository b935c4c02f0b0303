"""local.settings.json: what it adds to the environment, and its defaults for the command line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funchost.settings.host_file import find_member
from funchost.settings.jsonc import JsonMistake, parse

__all__ = ["LocalSettings", "read_local_settings"]

_KEY_VAULT = re.compile(r"@Microsoft\.KeyVault\(.*\)", re.IGNORECASE)


@dataclass(slots=True)
class LocalSettings:
    """``values`` leaves out what the environment already has; ``host`` is the section of that name."""

    path: Path
    values: dict[str, str] = field(default_factory=dict[str, str])
    host: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])

    def note(self, text: str) -> None:
        self.notes.append(f"{self.path}: {text}")


def read_local_settings(path: Path, environ: Mapping[str, str]) -> LocalSettings:
    """Never fails: a missing file is empty, and one that cannot be read is empty with a note."""
    local = LocalSettings(path)
    tree = _tree(local)
    if find_member(tree, ["IsEncrypted"]) is True:
        local.note('its values are encrypted and were left out; run "func settings decrypt" first')
        return local
    if tree and find_member(tree, ["IsEncrypted"]) is None:
        local.note('"IsEncrypted": false is missing; other hosts take the values for encrypted')
    local.host = _section(local, tree, "Host")
    for name, value in _section(local, tree, "Values").items():
        _add(local, environ, name, value)
    for name, value in _section(local, tree, "ConnectionStrings").items():
        text = find_member(value, ["ConnectionString"]) if isinstance(value, dict) else value
        _add(local, environ, f"ConnectionStrings:{name}" if name else "", text)
    return local


def _tree(local: LocalSettings) -> dict[str, Any]:
    try:
        tree = parse(local.path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        local.note(f"cannot be read, so none of its settings apply: {exc}")
        return {}
    except JsonMistake as exc:
        local.notes.append(
            f"{local.path}:{exc.line}:{exc.column}: not valid JSON, so none of its settings apply: {exc}"
        )
        return {}
    if isinstance(tree, dict):
        return tree
    local.note("must hold a JSON object; none of its settings apply")
    return {}


def _section(local: LocalSettings, tree: dict[str, Any], name: str) -> Mapping[str, Any]:
    section = find_member(tree, [name])
    if section is None or isinstance(section, dict):
        return section or {}
    local.note(f"{name} must be an object and was skipped")
    return {}


def _add(local: LocalSettings, environ: Mapping[str, str], name: str, value: Any) -> None:
    text = ("true" if value else "false") if isinstance(value, bool) else value
    if not name:
        local.note("a setting without a name was skipped")
    elif text is None:
        local.note(f"{name} is null and was skipped")
    elif not isinstance(text, str | int | float):
        local.note(f"{name} must be text and was skipped")
    elif environ.get(name) and environ[name] != str(text):
        local.note(f"{name} is set in the environment already, with another value; the environment wins")
    elif not environ.get(name):
        local.values[name] = str(text)
        if _KEY_VAULT.fullmatch(str(text)):
            local.note(f"{name} refers to a key vault; the reference is passed on as it is, not resolved")
