"""Names and tags as user code gives them."""

from collections.abc import Mapping
from typing import Any

from funchost.errors import InvalidArgument

__all__ = ["checked_tags", "checked_text"]


def checked_text(text: Any, argument: str) -> str:
    """``text`` as it is; that of a member, for an enumeration of texts.

    Raises InvalidArgument, which names ``argument``, for what is no text, and for text with half of a surrogate pair:
    it cannot be encoded, so no store can hold it.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"{argument}: expected text, but got an object of type {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidArgument(f"{argument}: half of a surrogate pair is no Unicode text: {str(text)!r}") from None
    return str.__str__(text)


def checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """A copy. Raises InvalidArgument for tags that could not be shown, or listed by."""
    checked = dict[str, str]()
    for name, value in (tags or {}).items():
        if not (isinstance(name, str) and isinstance(value, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - user code
            raise InvalidArgument(f"tags: a name and its value are text, but got {name!r}: {value!r}")
        if not name or "=" in name:
            raise InvalidArgument(f"tags: a name has at least one character and no equals sign, but got {name!r}")
        checked[checked_text(name, "tags")] = checked_text(value, f"tags: {name}")
    return checked
