"""Which invocation is running here: what log lines and error reports are labelled with.

Async code and everything it awaits sees it through the context variable. A thread that user code starts
itself has no context of ours; it may set ``context.thread_local_storage.invocation_id`` instead, as the
programming model documents, and :func:`current` finds the invocation by that id.
"""

from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["CURRENT", "Current"]


@dataclass(frozen=True, slots=True)
class Current:
    """One running invocation. ``instance_id`` only for orchestrators, activities and entities."""

    function: str
    invocation_id: str
    instance_id: str | None = None


CURRENT: ContextVar[Current | None] = ContextVar("funchost_current_invocation", default=None)
