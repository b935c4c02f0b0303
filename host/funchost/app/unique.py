"""Names that must not stand twice, ignoring case."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from funchost.errors import ConfigError

__all__ = ["check_unique"]

_T = TypeVar("_T")


def check_unique(items: Iterable[_T], name: Callable[[_T], str], place: Callable[[_T], str], what: str) -> None:
    """Raises ConfigError with a line for each name that several items have; ``what`` says "functions are named"."""
    by_name: dict[str, list[_T]] = {}
    for item in items:
        by_name.setdefault(name(item).lower(), []).append(item)
    lines = [
        f"{len(same)} {what} {name(same[0])!r} (names ignore case): {', '.join(place(item) for item in same)}; "
        "rename all but one"
        for same in by_name.values()
        if len(same) > 1
    ]
    if lines:
        raise ConfigError("\n".join(lines))
