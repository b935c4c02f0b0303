"""Which invocation is running here: what log lines and error reports are labelled with.

Async code and everything it awaits sees it through the context variable. A thread that user code starts
itself has no context of ours; it may set ``context.thread_local_storage.invocation_id`` instead, as the
programming model documents, and :func:`current` finds the invocation by that id.
"""

import threading
from contextvars import Context, ContextVar, copy_context
from weakref import WeakValueDictionary

import msgspec

from funchost.clock import new_invocation_id

__all__ = ["CURRENT", "THREAD_LOCAL", "Current", "current", "labelled", "lend"]


class Current(msgspec.Struct, frozen=True, weakref=True):
    """One running invocation. ``instance_id`` only for orchestrators, activities and entities."""

    function: str
    invocation_id: str
    instance_id: str | None = None


CURRENT: ContextVar[Current | None] = ContextVar("funchost_current_invocation", default=None)

THREAD_LOCAL = threading.local()
"""What user code gets as ``context.thread_local_storage``."""

# Only invocations whose function takes a context can pass their id to a thread. An entry lives as long as
# that context object, so a thread that outlives its invocation keeps the label by keeping the context.
_LENT: WeakValueDictionary[str, Current] = WeakValueDictionary()


def lend(running: Current) -> None:
    """Let threads find ``running`` by its id for as long as somebody holds it."""
    _LENT[running.invocation_id] = running


def labelled(function: str, instance: str) -> Context:
    """Where the code of an orchestrator or entity runs: its log lines are labelled with the instance."""
    context = copy_context()
    context.run(CURRENT.set, Current(function, new_invocation_id(), instance))
    return context


def current() -> Current | None:
    """The invocation that the calling code belongs to, None outside of one."""
    running = CURRENT.get()
    if running is not None:
        return running
    invocation_id = getattr(THREAD_LOCAL, "invocation_id", None)
    return _LENT.get(invocation_id) if isinstance(invocation_id, str) else None
