"""Which of two templates is more specific, and whether one path can fit both."""

from collections.abc import Sequence
from itertools import zip_longest

from funchost.web.templates import Literal, Parameter, Segment, Template

__all__ = ["is_more_specific", "may_overlap", "precedence"]

_LITERAL, _CONSTRAINED, _PARAMETER, _CONSTRAINED_REST, _REST = range(1, 6)


def precedence(template: Template) -> tuple[int, ...]:
    """One digit a segment; the smaller tuple is the more specific template."""
    return tuple(_digit(segment) for segment in template.segments)


def is_more_specific(one: Template, other: Template) -> bool:
    return precedence(one) < precedence(other)


def may_overlap(one: Template, other: Template) -> bool:
    """Is there a path that fits both? Wrong only where constraints exclude each other in a way not seen here."""
    return _overlap(one.segments, other.segments)


def _overlap(one: Sequence[Segment], other: Sequence[Segment]) -> bool:
    for mine, theirs in zip_longest(one, other):
        if _is_rest(mine) or _is_rest(theirs):
            return True
        if mine is None or theirs is None:
            return _may_be_absent(mine or theirs)
        if not _segments_overlap(mine, theirs):
            return False
    return True


def _segments_overlap(one: Segment, other: Segment) -> bool:
    one_text, other_text = _text(one), _text(other)
    if one_text is not None and other_text is not None:
        return one_text.lower() == other_text.lower()
    if one_text is not None:
        return _accepts(other, one_text)
    return other_text is None or _accepts(one, other_text)


def _accepts(segment: Segment, text: str) -> bool:
    """A mixed segment is taken to accept anything that begins and ends as it does."""
    first, last = segment[0], segment[-1]
    if isinstance(first, Parameter) and len(segment) == 1:
        return first.accepts(text)
    begins = not isinstance(first, Literal) or text.lower().startswith(first.text.lower())
    return begins and (not isinstance(last, Literal) or text.lower().endswith(last.text.lower()))


def _digit(segment: Segment) -> int:
    part = segment[0]
    if _text(segment) is not None:
        return _LITERAL
    if len(segment) > 1:
        return _CONSTRAINED
    constrained = isinstance(part, Parameter) and bool(part.constraints)
    if _is_rest(segment):
        return _CONSTRAINED_REST if constrained else _REST
    return _CONSTRAINED if constrained else _PARAMETER


def _text(segment: Segment) -> str | None:
    part = segment[0]
    return part.text if len(segment) == 1 and isinstance(part, Literal) else None


def _is_rest(segment: Segment | None) -> bool:
    return segment is not None and isinstance(segment[0], Parameter) and segment[0].catch_all


def _may_be_absent(segment: Segment | None) -> bool:
    return segment is not None and isinstance(segment[0], Parameter) and segment[0].may_be_absent
