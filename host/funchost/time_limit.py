"""How long user code may keep a thread.

What runs too long is ended by an exception that is raised in its thread between two instructions of Python, again
and again until the code is left: that ends any loop. A call that does not come back, such as a read from a
socket, cannot be ended. Its thread is given up: what it was to do counts as done, another thread takes its place,
and whatever it brings when it returns at last is dropped.

Code of the standard library that holds a lock of others for a moment (that of a logging handler or of a queue) is let
out of it first, where it is seen to be in there. That is seen a moment before the exception is raised, which makes a
lock that nobody releases unlikely, not impossible.

Nothing but the code itself may be hit. So the exception is raised only while ``exposed`` is set, which the thread
itself clears before anything else when it leaves the code; and it does not go on before it has withdrawn, under the
lock that the exception is raised under, what may still be on its way.
"""

import ctypes
import logging
import math
import queue
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import TypeVar

from funchost.errors import FunctionTimeout, OutOfTime
from funchost.settings import format_timespan
from funchost.threads import give_up
from funchost.tracebacks import whereabouts
from funchost.watch import WatchThread

__all__ = ["GRACE_S", "GivenUp", "TimeLimit"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

GRACE_S = 2.0
"""How long code gets to end by the exception, its ``finally`` blocks included, before its thread is given up."""

_LOCKING = frozenset(
    function.__code__
    for function in (
        logging.Handler.handle,
        logging.Handler.acquire,
        logging.Handler.release,
        queue.Queue.get,
        queue.Queue.put,
    )
)
"""What holds a lock of others, and never for long; around a handler's work, also one that the author wrote."""

_INNERMOST = 8
"""How far such code calls within itself; what is further out has called something that may take long."""

_OUT_OF_LOCKS_S = 0.001
_AGAIN_S = 0.02
_AGAIN_WHEN_GIVEN_UP_S = 1.0

# The types of the arguments are not declared: then None is a null pointer, which withdraws.
_set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc


def _raise_in_thread(thread: int, exception: type[BaseException] | None) -> None:
    """None withdraws what has not been raised yet.

    Up to Python 3.12 all threads are asked to look whether they are meant, until one is; and in 3.11 a thread under
    a debugger or profiler looks for ever before it enters a function. So the question is taken back at once: a thread
    that is meant and waits for the interpreter asks again, by itself, when it gets it.
    """
    _set_exception(ctypes.c_ulong(thread), None if exception is None else ctypes.py_object(exception))
    try:
        _set_exception(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(_TakenBack))
        for _ in range(_ENOUGH):
            pass
    except _TakenBack:
        pass


class _TakenBack(BaseException):
    """Raised and caught in one place, for nobody."""


_ENOUGH = 1000
"""Jumps back; the first lets the exception in."""


class GivenUp(Exception):
    """The thread was given up before the code returned: its work is somebody else's by now."""


class _Call:
    """One call of user code, which is ``over`` once its time was, and ``lost`` with its thread.

    ``ends_at`` and ``look_at`` are monotonic seconds.
    """

    __slots__ = ("ends_at", "exposed", "function", "given_up", "lock", "look_at", "lost", "over", "place", "thread")

    def __init__(self, function: str, ends_at: float, given_up: Callable[[FunctionTimeout], object]) -> None:
        self.function = function
        self.thread = threading.current_thread()
        self.ends_at = self.look_at = ends_at
        self.place = ""
        self.given_up = given_up
        self.lock = threading.Lock()
        self.exposed = False
        self.over = False
        self.lost = False

    def end(self, *, lose: bool) -> bool:
        """Raise the exception, unless the code is being left. ``lose``: its time to do so is over as well. False: not
        yet, since the code holds a lock of others just now."""
        with self.lock:
            if not self.exposed:
                return True
            if not self.over:
                self.place = self._whereabouts()
            self.over = True
            self.lost = self.lost or lose
            if self._holds_a_lock() and not lose:
                return False
            _raise_in_thread(self.thread.ident or 0, OutOfTime)
            return True

    def withdraw(self) -> None:
        with self.lock:
            if self.over:
                _raise_in_thread(self.thread.ident or 0, None)

    def _whereabouts(self) -> str:
        frame = self._frame()
        return "" if frame is None else whereabouts(frame)

    def _holds_a_lock(self) -> bool:
        frame = self._frame()
        for _ in range(_INNERMOST):
            if frame is None:
                return False
            if frame.f_code in _LOCKING:
                return True
            frame = frame.f_back
        return False

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self.thread.ident or 0)


class TimeLimit:
    """The limit of all calls of user code that go through :meth:`call`; None: there is none.

    ``monotonic`` gives seconds. One thread watches all calls, and sleeps until the first of them may be over.
    """

    def __init__(self, limit: timedelta | None, monotonic: Callable[[], float], *, grace_s: float = GRACE_S) -> None:
        self.threads_given_up = 0
        """How many threads hung in a call that could not be ended, since the start."""
        self._limit = limit
        self._limit_s = 0.0 if limit is None else limit.total_seconds()
        self._grace_s = grace_s
        self._monotonic = monotonic
        self._calls: set[_Call] = set()
        self._watch = WatchThread("time-limit", self._end_overdue)

    @property
    def limit_s(self) -> float:
        """Infinite when there is none."""
        return math.inf if self._limit is None else self._limit_s

    def start(self) -> None:
        if self._limit is not None:
            self._watch.start()

    def stop(self) -> None:
        """What runs goes on without a limit."""
        self._watch.stop()

    def call(self, function: str, code: Callable[[], T], given_up: Callable[[FunctionTimeout], object]) -> T:
        """What ``code`` returns or raises, if it does so in time; ``function`` is the name to blame.

        Raises FunctionTimeout, whatever the code made of its end. When it does not end, ``given_up`` is called on
        another thread, and must be quick: from then on the caller's work is done there. Should the code return
        after all, this raises GivenUp.
        """
        if self._limit is None:
            return code()
        call = _Call(function, self._monotonic() + self._limit_s, given_up)
        self._calls.add(call)
        self._watch.wake()
        error: BaseException | None = None
        result: T | None = None
        # Between two of these lines nothing is raised: only calls and jumps back let an exception in.
        try:
            try:
                call.exposed = True
                result = code()
            finally:
                call.exposed = False
            call.withdraw()
        except BaseException as exc:  # noqa: BLE001 - it is raised below, when nothing can come between
            call.exposed = False
            error = exc
            try:
                call.withdraw()
            except OutOfTime:  # it was raised just before the code was left
                call.withdraw()
        self._calls.discard(call)
        if call.lost:
            raise GivenUp(function) from error
        if call.over:
            raise self._timeout(call) from error
        if error is not None:
            try:
                raise error
            finally:
                del error  # the traceback holds this frame: break the cycle
        return result  # type: ignore[return-value]  # what the code returned

    def _timeout(self, call: _Call) -> FunctionTimeout:
        assert self._limit is not None
        return FunctionTimeout(call.function, "", format_timespan(self._limit), place=call.place)

    def _end_overdue(self) -> float | None:
        """Seconds until the next look. No call that begins meanwhile can be over before that."""
        if not self._calls:
            return None
        now = self._monotonic()
        wait = self._limit_s
        for call in list(self._calls):
            if call.look_at <= now:
                self._end(call, now)
            wait = min(wait, call.look_at - now)
        return max(wait, 0.0)

    def _end(self, call: _Call, now: float) -> None:
        was_lost = call.lost
        raised = call.end(lose=now >= call.ends_at + self._grace_s)
        call.look_at = now + (_AGAIN_WHEN_GIVEN_UP_S if call.lost else _AGAIN_S if raised else _OUT_OF_LOCKS_S)
        if call.lost and not was_lost:
            self._give_up(call)

    def _give_up(self, call: _Call) -> None:
        self.threads_given_up += 1
        timeout = self._timeout(call)
        logger.error(
            "%s. It hangs at %s, in a call that cannot be interrupted: its thread is given up",
            timeout.text,
            call.place,
            extra={"function": call.function, "threads_given_up": self.threads_given_up},
        )
        try:
            give_up(call.thread)
            call.given_up(timeout)
        except Exception:
            # The watch over all others goes on.
            logger.exception("what follows a thread that was given up failed")
