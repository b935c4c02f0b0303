"""What an orchestrator did that only code with an event loop can do, and what to write instead.

An orchestrator awaits durable tasks, on a thread without a loop: what asyncio and its like then raise speaks of
loops, which is no help. Looked at only when the code has failed.
"""

import os
from collections.abc import Iterator
from types import CodeType, CoroutineType, GeneratorType, TracebackType

from funchost.tracebacks import is_authors, is_standard, place

__all__ = ["advice", "advice_on_output", "advice_on_yield"]

_TIMER = "use context.create_timer(...) instead of asyncio.{}(...)"
_TIMEOUT = "await context.task_any([task, context.create_timer(...)]) instead of using asyncio.{}(...)"
_JUST_CALL = (
    "drop asyncio.{0}(...): what context.call_activity(...) and its like return runs beside the others once all of "
    "them are awaited, with context.task_all([...]) or context.task_any([...])"
)
_ACTIVITY = "do it in an activity instead of with asyncio.{}(...)"

_INSTEAD_OF = {
    "sleep": _TIMER,
    "gather": "use context.task_all([...]) instead of asyncio.{}(...)",
    "wait": "use context.task_all([...]) or context.task_any([...]) instead of asyncio.{}(...)",
    "as_completed": "use context.task_any([...]) in a loop instead of asyncio.{}(...)",
    "wait_for": _TIMEOUT,
    "timeout": _TIMEOUT,
    "timeout_at": _TIMEOUT,
    "create_task": _JUST_CALL,
    "ensure_future": _JUST_CALL,
    "shield": _JUST_CALL,
    "TaskGroup": _JUST_CALL,
    "to_thread": _ACTIVITY,
    "open_connection": _ACTIVITY,
    "create_subprocess_exec": _ACTIVITY,
    "create_subprocess_shell": _ACTIVITY,
}
_OTHERWISE = "do what needs an event loop in an activity, or use context.call_http(...) for a request"
_ONLY_TASKS = "orchestrator awaits durable tasks only"


def advice(error: BaseException) -> str | None:
    """What to write instead, and where; None when ``error`` is none of this kind."""
    if not isinstance(error, (RuntimeError, AttributeError)):
        return None
    frames = list(_frames(error.__traceback__))
    if not frames or any(code.co_name == "run_until_complete" for code, _ in frames):
        return None  # it was raised in a loop of the author's own
    own = max((n for n, (code, _) in enumerate(frames) if is_authors(code)), default=None)
    if own is None or not _misses_a_loop(error, frames[own:]):
        return None
    called = frames[own + 1][0] if own + 1 < len(frames) and _is_asyncio(frames[own + 1][0]) else None
    return f"An {_ONLY_TASKS}: {_instead_of(called)} ({place(*frames[own])})"


def advice_on_yield(value: object) -> str:
    """What else to write than yielding ``value``, which is no task; empty when nobody knows."""
    if hasattr(value, "_asyncio_future_blocking"):
        return (
            f"; an {_ONLY_TASKS}: use context.create_timer(...) instead of asyncio.sleep(...), and "
            "context.task_all([...]) instead of asyncio.gather(...)"
        )
    if isinstance(value, GeneratorType):
        return "; to run a helper that yields, write: yield from helper(context)"
    if isinstance(value, CoroutineType):
        return "; to run an async helper, make the orchestrator an 'async def' and await it"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "; to wait for several tasks, yield context.task_all(...)"
    return ""


def advice_on_output(value: object) -> str | None:
    """What to write instead of returning ``value``, which is no value at all; None when nobody knows."""
    kind = type(value).__name__
    if kind == "async_generator":
        return "an orchestrator that is an 'async def' must await its tasks, not yield them"
    if kind == "coroutine":
        return "an orchestrator returned a coroutine: await it, and return what it gives"
    if kind == "generator":
        return "an orchestrator returned a generator: write 'yield from' before it, and return what it gives"
    return None


def _misses_a_loop(error: BaseException, frames: list[tuple[CodeType, int | None]]) -> bool:
    """``frames`` begin with the author's last one."""
    if len(frames) == 1:
        return str(error) == "no running event loop"  # asyncio.get_running_loop() has no frame
    return _is_asyncio(frames[-1][0]) or "event loop" in str(error)


def _instead_of(called: CodeType | None) -> str:
    if called is None:
        return _OTHERWISE
    # A method has the name of its class before its own: a task group is entered, not called.
    names = [called.co_name, *called.co_qualname.split(".")]
    name = next((name for name in names if name in _INSTEAD_OF), None)
    return _OTHERWISE if name is None else _INSTEAD_OF[name].format(name)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[CodeType, int | None]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_asyncio(code: CodeType) -> bool:
    return is_standard(code.co_filename) and f"{os.sep}asyncio{os.sep}" in code.co_filename
