"""Where in a value the part is that cannot be serialised. Looked for only when serialising has failed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

__all__ = ["named_part", "naming_part", "path_to_failure"]


@contextmanager
def named_part(value: Any, dumps: Callable[[Any], str], what: str) -> Generator[None]:
    """Around whatever serialises ``value`` with ``dumps``: the error names the part that is to blame, from ``what`` on.

    An error that is not the value's passes as it is.
    """
    try:
        yield
    except (TypeError, ValueError) as exc:
        if (named := naming_part(exc, value, dumps, what)) is None:
            raise
        raise named from exc


def naming_part(error: Exception, value: Any, dumps: Callable[[Any], str], what: str) -> Exception | None:
    """What to raise in the place of ``error``; None: no part of ``value`` is to blame."""
    path = path_to_failure(value, dumps)
    if not path:
        return None
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{what}{path}: {error}")


def path_to_failure(value: Any, dumps: Callable[[Any], str]) -> str:
    """``['items'][3].when``: from ``value`` to the first part that ``dumps`` refuses; empty for all of it.

    A part stands for itself when nothing inside it is refused: its type, a key, or a circle is.
    """
    path = ""
    # The objects are kept: the identity of one that is gone may be another's.
    seen: dict[int, Any] = {}
    while id(value) not in seen:
        seen[id(value)] = value
        for step, part in _parts(value) or _attributes(value, dumps, top=not path):
            # Inside something: what strict typing takes at the top only must not pass here.
            if not _passes([part], dumps):
                path, value = path + step, part
                break
    return path


def _passes(part: Any, dumps: Callable[[Any], str]) -> bool:
    try:
        dumps(part)
    except Exception:  # noqa: BLE001 - a to_json of the author may raise anything
        return False
    return True


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in cast(dict[Any, Any], value).items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{index}]", part) for index, part in enumerate(cast(list[Any], value))]
    return []


def _attributes(value: Any, dumps: Callable[[Any], str], *, top: bool) -> list[tuple[str, Any]]:
    """What the ``to_json`` of a custom object gives as a dictionary, by the names, where ``dumps`` takes any."""
    try:
        dumps(_CustomObject() if top else [_CustomObject()])
        data = type(value).to_json(value)
    except Exception:  # noqa: BLE001 - none is taken, or has no to_json, or that raises: the object is to blame
        return []
    if not isinstance(data, dict):
        return []
    items = cast(dict[Any, Any], data).items()
    return [(f".{name}" if str(name).isidentifier() else f"[{name!r}]", part) for name, part in items]


class _CustomObject:
    """Serialisable wherever custom objects are."""

    @staticmethod
    def to_json(value: "_CustomObject") -> str:
        return ""
