"""Reading sections of host.json by a table of options, collecting every mistake on the way."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from funchost.settings.host_file import HostFile, find_member
from funchost.settings.kinds import Kind
from funchost.settings.options import Option

__all__ = ["Reader"]

_SHOWN = 80


class Reader:
    """``mistakes`` and ``notes`` are lines for the user, in the order they were found."""

    def __init__(self, host: HostFile) -> None:
        self.host = host
        self.mistakes: list[str] = []
        self.notes: list[str] = []

    def options(self, section: Sequence[str], table: Sequence[Option]) -> dict[str, Any]:
        """Every option of the table by name; the default where the member is absent, null or a mistake."""
        self._check_object(section)
        return {option.name: self._option(section, option) for option in table}

    def note_unknown(self, section: Sequence[str], table: Sequence[Option]) -> None:
        """One note for each member of the section that no option names."""
        known = {option.name.lower() for option in table}
        for name in _strangers(find_member(self.host.tree, section), known, ()):
            keys = [*section, *name]
            self.notes.append(f"{self.host.where(keys)}: {'.'.join(keys)} is not a known option and has no effect")

    def note_without_effect(self, section: Sequence[str], table: Sequence[Option]) -> None:
        """Name the options of the section that this release does not act on and that are set: one note for
        each reason. One that is set to its default would change nothing anyway."""
        names: dict[str, list[str]] = {}
        for option in table:
            if not option.effective and self._option(section, option) != option.default:
                names.setdefault(option.without, []).append(option.name)
        place = f"{self.host.path}: {'.'.join(section)}: " if section else f"{self.host.path}: "
        for without, these in names.items():
            self.notes.append(f"{place}{', '.join(these)} {'has' if len(these) == 1 else 'have'} no effect {without}")

    def read(self, keys: Sequence[str], kind: Kind, default: Any = None) -> Any:
        """One member; ``default`` where it is absent, null or a mistake."""
        value = find_member(self.host.tree, keys)
        if value is None:
            return default
        try:
            return kind.read(value)
        except ValueError:
            self.mistake(keys, f"is {_shown(value)}; expected {kind.expected}")
            return default

    def mistake(self, keys: Sequence[str], text: str) -> None:
        """Record a mistake of one member: ``text`` follows its name."""
        line = f"{self.host.where(keys)}: {'.'.join(keys)} {text}"
        if line not in self.mistakes:  # a section may be read for several groups
            self.mistakes.append(line)

    def _option(self, section: Sequence[str], option: Option) -> Any:
        *above, _ = names = option.name.split(".")
        if above:
            self._check_object([*section, *above])
        return self.read([*section, *names], option.kind, option.default)

    def _check_object(self, section: Sequence[str]) -> None:
        value = find_member(self.host.tree, section)
        if value is None or isinstance(value, dict):
            return
        self.mistake(section, f"is {_shown(value)}; expected an object")


def _strangers(value: Any, known: set[str], path: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not isinstance(value, Mapping):
        return []
    found: list[tuple[str, ...]] = []
    for key in value:
        name = ".".join((*path, key)).lower()
        if name in known:
            continue
        if any(option.startswith(name + ".") for option in known):
            found += _strangers(value[key], known, (*path, key))
        else:
            found.append((*path, key))
    return found


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
