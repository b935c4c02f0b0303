"""Route templates: text such as ``orders/{id:int}/v{major}.{minor}/{*rest}``, parsed and compiled.

A template becomes one regular expression over the decoded path; constraints are asked after it matched.
Inside a segment, literals and parameters alternate and the earlier parameter takes as much as it can, as
in the reference host, which matches such segments from the right.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from funchost.errors import ConfigError
from funchost.web.constraints import Constraint, parse_constraint

__all__ = ["Literal", "Parameter", "Segment", "Template", "parse_template"]


@dataclass(frozen=True, slots=True)
class Literal:
    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    constraints: tuple[Constraint, ...] = ()
    default: str | None = None
    optional: bool = False
    catch_all: bool = False

    @property
    def may_be_absent(self) -> bool:
        return self.optional or self.catch_all or self.default is not None

    def accepts(self, value: str) -> bool:
        return all(constraint(value) for constraint in self.constraints)


Segment = tuple[Literal | Parameter, ...]
"""What stands between two slashes: one part, or literals and parameters in turn."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed route below the prefix. ``text`` is as the author wrote it, without outer slashes."""

    text: str
    segments: tuple[Segment, ...]
    literal: str | None
    """The one path it matches, in lower case; None when it has parameters."""
    _pattern: re.Pattern[str] = field(repr=False)
    _groups: Sequence[tuple[str, Parameter]] = field(repr=False)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values of a path without its first slash; absent optional ones are left out. None: no match.

        A slash at the end is ignored, unless a catch-all takes it.
        """
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        values: dict[str, str] = {}
        for group, parameter in self._groups:
            value = found[group] or parameter.default
            if not value:
                continue
            if not parameter.accepts(value):
                return None
            values[parameter.name] = value
        return values


def parse_template(text: str, *, where: str) -> Template:
    """Raises ConfigError, beginning with ``where``, for a template that no path could be matched with."""
    stripped = text.removeprefix("~/").strip("/")
    raw = _split(stripped) if stripped else []
    segments = tuple(_parse_segment(part, text, where) for part in raw)
    _check(segments, text, where)
    pattern, groups = _compile(segments)
    literal = None if groups else "/".join(_literal_text(segment) for segment in segments).lower()
    return Template(stripped, segments, literal, pattern, groups)


def _split(text: str) -> list[str]:
    """At the slashes outside of braces: a regular expression may hold one."""
    parts = [""]
    inside = False
    position = 0
    while position < len(text):
        letter = text[position]
        if letter in "{}" and text[position : position + 2] == letter * 2:
            parts[-1] += letter * 2
            position += 2
            continue
        inside = {"{": True, "}": False}.get(letter, inside)
        if letter == "/" and not inside:
            parts.append("")
        else:
            parts[-1] += letter
        position += 1
    return parts


_PIECE = re.compile(r"(?P<literal>(?:[^{}]|\{\{|\}\})+)|\{(?P<parameter>(?:[^{}]|\{\{|\}\})*)\}")


def _parse_segment(part: str, text: str, where: str) -> Segment:
    pieces: list[Literal | Parameter] = []
    position = 0
    while position < len(part):
        match = _PIECE.match(part, position)
        if match is None:
            raise ConfigError(f"{where}: route {text!r} has a brace that does not pair up")
        position = match.end()
        if (literal := match["literal"]) is not None:
            pieces.append(Literal(_unescape(literal)))
        else:
            pieces.append(_parse_parameter(_unescape(match["parameter"]), text, where))
    if not pieces:
        raise ConfigError(f"{where}: route {text!r} has an empty segment")
    return tuple(pieces)


_NAME = re.compile(r"(?P<stars>\*{0,2})(?P<name>[^:=?*{}/]+)")
_CONSTRAINT = re.compile(r":(?P<name>[^(:=]+)(?P<open>\()?")


def _parse_parameter(inner: str, text: str, where: str) -> Parameter:
    named = _NAME.match(inner)
    if named is None:
        raise ConfigError(f"{where}: route {text!r} has a parameter without a proper name: {{{inner}}}")
    rest = inner[named.end() :]
    constraints: list[Constraint] = []
    while (match := _CONSTRAINT.match(rest)) is not None:
        rest = rest[match.end() :]
        argument = None
        name = match["name"]
        if match["open"]:
            argument, rest = _argument(rest, text, where)
        elif not rest and name.endswith("?"):
            name, rest = name[:-1], "?"
        constraints.append(parse_constraint(name, argument, where=f"{where}: route {text!r}"))
    default = None
    if rest.startswith("="):
        default, rest = rest[1:], ""
    if rest not in {"", "?"} or (default is not None and default.endswith("?")):
        raise ConfigError(f"{where}: route {text!r} has a parameter that cannot be read: {{{inner}}}")
    return Parameter(named["name"].strip(), tuple(constraints), default, rest == "?", bool(named["stars"]))


def _argument(rest: str, text: str, where: str) -> tuple[str, str]:
    """Up to the parenthesis that closes: the last one before another constraint, a default or the end."""
    for close in re.finditer(r"\)(?=$|\?$|:[a-z]|=)", rest, re.IGNORECASE):
        candidate = rest[: close.start()]
        if candidate.count("(") - candidate.count("\\(") == candidate.count(")") - candidate.count("\\)"):
            return candidate, rest[close.end() :]
    raise ConfigError(f"{where}: route {text!r} has a parenthesis that does not close")


def _check(segments: Sequence[Segment], text: str, where: str) -> None:
    names: set[str] = set()
    for index, segment in enumerate(segments):
        last_segment = index == len(segments) - 1
        for place, part in enumerate(segment):
            if isinstance(part, Literal):
                if "?" in part.text:
                    _refuse(where, text, "holds a '?' outside of a parameter")
                continue
            if part.name.lower() in names:
                _refuse(where, text, f"names parameter {part.name!r} twice")
            names.add(part.name.lower())
            if part.catch_all and (not last_segment or len(segment) > 1 or part.optional):
                _refuse(where, text, f"has a catch-all {part.name!r} that does not stand alone at the end")
            if place and isinstance(segment[place - 1], Parameter):
                _refuse(where, text, f"has nothing between parameter {part.name!r} and the one before it")
            if part.optional and not _may_be_optional(segment, place, last_segment=last_segment):
                _refuse(where, text, f"has an optional parameter {part.name!r} that is not at the end")


def _may_be_optional(segment: Segment, place: int, *, last_segment: bool) -> bool:
    """Alone in its segment, or at the end of one and after a dot, which then is optional too."""
    if len(segment) == 1:
        return last_segment
    before = segment[place - 1]
    return place == len(segment) - 1 and isinstance(before, Literal) and before.text == "."


def _compile(segments: Sequence[Segment]) -> tuple[re.Pattern[str], Sequence[tuple[str, Parameter]]]:
    groups: list[tuple[str, Parameter]] = []
    pattern = ""
    # Segments that may be absent can only be so from the end: nest them, the last one innermost.
    absent_from = len(segments)
    while absent_from and _is_absent_able(segments[absent_from - 1]):
        absent_from -= 1
    for index, segment in enumerate(segments):
        body = _compile_segment(segment, groups)
        slash = "/" if index else ""
        pattern += f"(?:{slash}{body}" if index >= absent_from else f"{slash}{body}"
    pattern += ")?" * (len(segments) - absent_from)
    if not any(parameter.catch_all for _, parameter in groups):
        pattern += "/?"
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), groups


def _is_absent_able(segment: Segment) -> bool:
    return len(segment) == 1 and isinstance(segment[0], Parameter) and segment[0].may_be_absent


def _compile_segment(segment: Segment, groups: list[tuple[str, Parameter]]) -> str:
    pattern = ""
    extension = len(segment) > 1 and isinstance(segment[-1], Parameter) and segment[-1].optional
    for place, part in enumerate(segment):
        if isinstance(part, Literal):
            if not (extension and place == len(segment) - 2):
                pattern += re.escape(part.text)
            continue
        group = f"p{len(groups)}"
        groups.append((group, part))
        if part.catch_all:
            pattern += f"(?P<{group}>.*)"
        elif extension and place == len(segment) - 1:
            pattern += rf"(?:\.(?P<{group}>[^/.]+))?"
        elif extension and place == len(segment) - 3:
            pattern += f"(?P<{group}>[^/]+?)"  # gives way to the extension
        else:
            pattern += f"(?P<{group}>[^/]+)"
    return pattern


def _literal_text(segment: Segment) -> str:
    return "".join(part.text for part in segment if isinstance(part, Literal))


def _unescape(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _refuse(where: str, text: str, why: str) -> None:
    raise ConfigError(f"{where}: route {text!r} {why}")
