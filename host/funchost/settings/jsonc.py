"""JSON as people write it in configuration files: comments and trailing commas are allowed, nothing else.

What is lenient is blanked out with spaces before the strict parser sees the text, so every line and
column that the parser or :func:`line_of` reports is a place in the author's file.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

__all__ = ["JsonMistake", "line_of", "parse"]

_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(r'"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])')
_NOT_NEWLINE = re.compile(r"[^\n]")
_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


class JsonMistake(ValueError):
    """Not JSON; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def parse(text: str) -> Any:
    """Raises :class:`JsonMistake`. A byte order mark is skipped; NaN and Infinity are mistakes."""
    strict = _blanked(text)
    try:
        return json.loads(strict, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise JsonMistake(exc.msg, exc.lineno, exc.colno) from exc
    except _Constant as exc:
        at = strict.find(exc.name)
        raise JsonMistake(
            f"{exc.name} is not a JSON value", strict.count("\n", 0, at) + 1, at - strict.rfind("\n", 0, at)
        ) from exc


def line_of(text: str, keys: Sequence[str | int]) -> int | None:
    """The line of the member that ``keys`` lead to (names ignore case), or of the last one found on the way.

    ``text`` must parse. None when not even the first key is there.
    """
    strict = _blanked(text)
    at, found = _skip(strict, 0), None
    for key in keys:
        for name, start, value in _members(strict, at):
            if name == key or (isinstance(name, str) and isinstance(key, str) and name.lower() == key.lower()):
                at, found = value, start
                break
        else:
            break
    return None if found is None else strict.count("\n", 0, found) + 1


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Key, where the member begins and where its value begins, for the object or array at ``at``."""
    if text[at] not in "{[":
        return
    is_object, index = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        start, key = at, index
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
            yield name, start, at
        else:
            yield key, start, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _blanked(text: str) -> str:
    text = text.replace("\ufeff", " ", 1) if text.startswith("\ufeff") else text
    text = _STRING_OR_COMMENT.sub(_keep_strings, text)
    return _STRING_OR_LAST_COMMA.sub(_keep_strings, text)


def _keep_strings(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith('"') else _NOT_NEWLINE.sub(" ", found)


class _Constant(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _refuse_constant(name: str) -> NoReturn:
    raise _Constant(name)
