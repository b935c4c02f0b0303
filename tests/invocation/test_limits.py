# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import asyncio
import threading
from datetime import timedelta

import pytest

from funchost.errors import FunctionTimeout
from funchost.invocation.invoker import Invoker
from funchost.invocation.limits import time_limit
from funchost.invocation.log import InvocationLog
from funchost.threads import ThreadPool
from invocation.functions import activity

SOON = timedelta(milliseconds=20)


def test_async_code_over_the_limit_is_cancelled_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    spec = activity(forever, name="act")
    invoker = Invoker(spec, ThreadPool(1), middleware=[time_limit(spec, SOON, InvocationLog(spec))])
    with pytest.raises(FunctionTimeout, match=r"value of 00:00:00\.0200000 was exceeded by function: Functions.act"):
        asyncio.run(invoker.acall("x"))
    assert cancelled.is_set()
    assert "was exceeded" in caplog.text


def test_blocking_code_over_the_limit_is_reported_while_its_thread_goes_on() -> None:
    threads = ThreadPool(1)
    release = threading.Event()
    spec = activity(lambda name: release.wait(5), name="act")
    invoker = Invoker(spec, threads, middleware=[time_limit(spec, SOON, InvocationLog(spec))])
    with pytest.raises(FunctionTimeout):
        asyncio.run(invoker.acall("x"))
    assert not threads.close(0.01)
    release.set()
    assert threads.close(5)


def test_a_time_out_of_user_code_itself_is_its_own_error() -> None:
    async def fail(name: str) -> None:
        raise TimeoutError("mine")

    spec = activity(fail, name="act")
    limit = time_limit(spec, timedelta(minutes=30), InvocationLog(spec))
    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(Invoker(spec, ThreadPool(1), middleware=[limit]).acall("x"))
