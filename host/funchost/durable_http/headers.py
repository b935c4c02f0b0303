"""Headers of requests and answers: pairs in the order in which they were given, whose case does not count."""

from collections.abc import Iterable

__all__ = ["Headers", "first", "grouped"]

Headers = tuple[tuple[str, str], ...]


def first(headers: Headers, name: str) -> str | None:
    return next((value for known, value in headers if known.lower() == name.lower()), None)


def grouped(headers: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """By name, in its first spelling: one value as text, several as a list."""
    spelled: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}
