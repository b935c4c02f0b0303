"""Code that takes too long, on real threads with tiny limits."""

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from funchost.errors import FunctionTimeout, OutOfTime
from funchost.threads import ThreadPool
from funchost.time_limit import GivenUp, TimeLimit

SHORT = timedelta(milliseconds=30)
WAIT_S = 10.0


@contextmanager
def limited(limit: timedelta | None = SHORT, *, grace_s: float = WAIT_S) -> Generator[TimeLimit]:
    limits = TimeLimit(limit, time.monotonic, grace_s=grace_s)
    limits.start()
    try:
        yield limits
    finally:
        limits.stop()


def never(timeout: FunctionTimeout) -> None:
    raise AssertionError("the thread was given up")


def forever() -> None:
    while True:
        pass


def test_code_that_ends_in_time_returns_and_raises_as_it_does():
    with limited(timedelta(minutes=1)) as limits:
        assert limits.call("flow", lambda: 7, never) == 7
        with pytest.raises(ZeroDivisionError):
            limits.call("flow", lambda: 1 // 0, never)


def test_without_a_limit_code_is_just_called():
    with limited(None) as limits:
        assert limits.call("flow", lambda: 7, never) == 7


def test_a_loop_is_ended_with_the_documented_text_and_the_place_where_it_stood():
    with limited() as limits, pytest.raises(FunctionTimeout) as timeout:
        limits.call("flow", forever, never)
    assert timeout.value.text == "Timeout value of 00:00:00.0300000 was exceeded by function: Functions.flow"
    assert "in forever" in timeout.value.place
    assert __file__ in timeout.value.place


def test_a_loop_that_logs_leaves_no_lock_of_a_handler_held():
    handler = logging.Handler()
    handler.emit = lambda record: None
    logger = logging.getLogger("test of a time limit")
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.INFO

    def log_forever() -> None:
        while True:
            logger.info("again")

    with limited(timedelta(milliseconds=2)) as limits:
        for _ in range(30):
            with pytest.raises(FunctionTimeout):
                limits.call("flow", log_forever, never)
            assert handler.lock is not None
            assert _is_free(handler.lock)


def _is_free(lock: Any) -> bool:
    """Asked from another thread: the lock of a handler lets its owner in again."""
    free = list[bool]()

    def ask() -> None:
        free.append(lock.acquire(timeout=1))
        if free[0]:
            lock.release()

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    return free[0]


def test_a_loop_that_survives_exceptions_is_ended():
    def stubborn() -> None:
        while True:
            try:
                forever()
            except Exception:
                pass

    with limited() as limits, pytest.raises(FunctionTimeout):
        limits.call("flow", stubborn, never)


def test_code_that_swallows_the_end_is_ended_again():
    swallowed = list[type[BaseException]]()

    def stubborn() -> None:
        while len(swallowed) < 3:
            try:
                forever()
            except BaseException as exc:
                swallowed.append(type(exc))

    with limited() as limits, pytest.raises(FunctionTimeout):
        limits.call("flow", stubborn, never)
    assert swallowed == [OutOfTime] * 3


def test_code_that_returns_too_late_has_returned_nothing():
    def late() -> str:
        try:
            forever()
        except OutOfTime:
            pass
        return "late"

    with limited() as limits, pytest.raises(FunctionTimeout):
        limits.call("flow", late, never)


def test_nothing_is_hit_once_the_code_was_left():
    """Code that ends at about the same moment as its time does, many times over."""
    in_time, late = 0, 0
    for n in range(60):
        with limited(timedelta(milliseconds=5)) as limits:
            until = time.monotonic() + n * 0.0005
            try:
                limits.call("flow", lambda until=until: _spin(until), never)
                in_time += 1
            except FunctionTimeout:
                late += 1
            # What was still on its way would be raised here.
            _spin(time.monotonic() + 0.002)
    assert in_time > 0
    assert late > 0


@pytest.fixture(autouse=True)
def quick_turns() -> Generator[None]:
    """Threads take turns as often as in a host: the one that watches is not kept from its moment."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    yield
    sys.setswitchinterval(before)


def _spin(until: float) -> None:
    while time.monotonic() < until:
        pass


def test_a_thread_in_a_call_that_does_not_return_is_given_up_and_replaced():
    go_on, given_up, told = threading.Event(), threading.Event(), threading.Event()
    pool = ThreadPool(1)

    with limited(grace_s=0.0) as limits:

        def hang() -> None:
            try:
                limits.call("flow", go_on.wait, lambda timeout: given_up.set())
            except GivenUp:
                told.set()

        pool.submit(hang)
        assert given_up.wait(WAIT_S)
        assert _runs_something(pool)
        assert limits.threads_given_up == 1
        go_on.set()
        assert told.wait(WAIT_S)
    assert pool.close(WAIT_S)


def test_a_thread_that_was_given_up_is_told_of_once(caplog: pytest.LogCaptureFixture):
    go_on, given_up = threading.Event(), threading.Semaphore(0)
    with limited(grace_s=0.0) as limits:

        def hang() -> None:
            with pytest.raises(GivenUp):
                limits.call("flow", go_on.wait, lambda timeout: given_up.release())

        thread = threading.Thread(target=hang)
        thread.start()
        assert given_up.acquire(timeout=WAIT_S)
        limits._end_overdue()
        go_on.set()
        thread.join(WAIT_S)
    (record,) = caplog.records
    assert "Functions.flow. It hangs at" in record.getMessage()
    assert "in hang" in record.getMessage() or "in wait" in record.getMessage()
    assert not given_up.acquire(blocking=False)


def test_a_thread_that_was_given_up_ends_when_its_call_returns():
    go_on, given_up = threading.Event(), threading.Event()
    here = list[threading.Thread]()
    pool = ThreadPool(1)
    with limited(grace_s=0.0) as limits:

        def hang() -> None:
            here.append(threading.current_thread())
            limits.call("flow", go_on.wait, lambda timeout: given_up.set())

        pool.submit(lambda: _raises(GivenUp, hang))
        assert given_up.wait(WAIT_S)
        go_on.set()
        here[0].join(WAIT_S)
        assert not here[0].is_alive()
    assert pool.close(WAIT_S)


def test_a_failure_leaves_no_cycle_behind():
    class Precious(Exception):
        pass

    def fail() -> None:
        raise Precious

    gc.collect()
    gc.disable()
    try:
        with limited(timedelta(minutes=1)) as limits:
            _raises(Precious, lambda: limits.call("flow", fail, never))
        assert not [one for one in gc.get_objects() if isinstance(one, Precious)]
    finally:
        gc.enable()


def _raises(kind: type[BaseException], code: Callable[[], object]) -> None:
    try:
        code()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def _runs_something(pool: ThreadPool) -> bool:
    ran = threading.Event()
    pool.submit(ran.set)
    return ran.wait(WAIT_S)


@pytest.mark.parametrize("watch", [sys.setprofile, sys.settrace])
def test_a_thread_that_hangs_does_not_stop_those_that_are_profiled_or_debugged(watch: Callable[[object], None]):
    go, given_up, called = threading.Event(), threading.Event(), threading.Event()

    def profiled() -> None:
        watch(_sees)
        called.set()
        watch(None)

    with limited(grace_s=0.0) as limits:
        hanging = threading.Thread(target=lambda: _swallowed(limits, go, given_up))
        hanging.start()
        assert given_up.wait(WAIT_S)
        threading.Thread(target=profiled, daemon=True).start()
        try:
            assert called.wait(WAIT_S)
        finally:
            go.set()
            hanging.join(WAIT_S)


def _sees(*_: object) -> None:
    """What a profiler or debugger calls."""


def _swallowed(limits: TimeLimit, go: threading.Event, given_up: threading.Event) -> None:
    with suppress(GivenUp):
        limits.call("flow", lambda: go.wait(WAIT_S), lambda timeout: given_up.set())
