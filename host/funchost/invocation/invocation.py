"""One invocation as a value: what a trigger hands over, and all that bindings may read of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Invocation", "Retry", "Trace"]


@dataclass(frozen=True, slots=True)
class Trace:
    """W3C trace context of the request that caused the invocation; empty text when there was none."""

    parent: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Which attempt this is: ``count`` 0 on the first; ``maximum`` -1 is for ever."""

    count: int = 0
    maximum: int = 0
    exception: BaseException | None = None


def _no_data() -> Mapping[str, Any]:
    return {}


class Invocation(msgspec.Struct):
    """Made once per invocation and not changed after that.

    ``trigger`` is the value of the trigger's parameter, ready for user code. ``reason`` says in a few
    words what caused the call. ``binding_data`` gives the names that ``{expressions}`` of other bindings
    may use; it is called only when one does.
    """

    id: str
    trigger: Any
    reason: str = ""
    instance_id: str | None = None
    trace: Trace | None = None
    retry: Retry | None = None
    binding_data: Callable[[], Mapping[str, Any]] = _no_data
