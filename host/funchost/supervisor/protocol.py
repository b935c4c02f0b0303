"""What parent and worker tell each other: JSON objects, one a line, over two pipes.

The parent's end of the order pipe closes with the parent, however that ends; a worker then ends at once.
"""

import json
from dataclasses import asdict, dataclass

__all__ = ["Failed", "Loaded", "Message", "Serve", "Serving", "Stop", "decode", "encode"]


@dataclass(frozen=True, slots=True)
class Serve:
    """Order: the app is wanted, answer requests and take work. ``again`` after a reload: the user has seen the
    greeting."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Order: accept nothing more, finish what runs within the time that is set for it, and end."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Report: the app is imported and could be served."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Report: requests are answered from now on."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Report: the app cannot be served; the worker ends. ``detail`` is a framed
    traceback, which says it all, or empty."""

    message: str
    detail: str = ""


Message = Serve | Stop | Loaded | Serving | Failed

_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Serve, Stop, Loaded, Serving, Failed)}


def encode(message: Message) -> bytes:
    return json.dumps({"is": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The inverse of :func:`encode`. Raises ValueError for anything else."""
    try:
        fields = json.loads(line)
        return _KINDS[fields.pop("is")](**fields)
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"not a message: {line[:200]!r}") from problem
