"""YAML with lines, read by the core schema of YAML 1.2.

The 1.1 rules of most parsers would turn ``10:00:00`` into 36000 and ``off`` into false; here only
``true`` and ``false``, ``null`` and plain numbers are anything but text.
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml

__all__ = ["YamlMistake", "YamlSource"]


class YamlMistake(ValueError):
    """``line`` counts from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


class _Core(yaml.SafeLoader):
    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - as the parser declares it


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


class YamlSource:
    """``content`` is made of dict, list, text, numbers, bool and None."""

    def __init__(self, text: str) -> None:
        """Raises :class:`YamlMistake`; a key that stands twice is a mistake too."""
        loader = _Core(text)
        try:
            self._node = loader.get_single_node()
            _refuse_twice(self._node)
            self.content: Any = loader.construct_document(self._node) if self._node else None
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            raise YamlMistake(exc.problem or str(exc), mark.line + 1 if mark else 1) from exc
        except yaml.YAMLError as exc:
            raise YamlMistake(str(exc), 1) from exc
        finally:
            loader.dispose()

    def line_of(self, keys: Sequence[str | int]) -> int | None:
        """The line of the member that ``keys`` lead to (names ignore case), or of the last one found on the way."""
        node, line = self._node, self._node.start_mark.line + 1 if self._node else None
        for key in keys:
            found = _member(node, key)
            if found is None:
                break
            line, node = found
        return line


def _member(node: Any, key: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode) and isinstance(key, str):
        for name, value in node.value:
            if str(name.value).lower() == key.lower():
                return name.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        value = node.value[key]
        return value.start_mark.line + 1, value
    return None


def _refuse_twice(node: Any) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(item)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            if str(name.value) in seen:
                raise YamlMistake(f"the key {name.value!r} stands twice", name.start_mark.line + 1)
            seen.add(str(name.value))
            _refuse_twice(value)
