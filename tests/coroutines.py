"""Tests that are coroutine functions: each runs on a loop of its own."""

import asyncio
import inspect
from collections.abc import Callable

import pytest

__all__ = ["on_a_loop"]


def on_a_loop(*, limit_s: float | None) -> Callable[[pytest.Function], bool | None]:
    """The hook for a conftest, ``pytest_pyfunc_call = on_a_loop(limit_s=30)``; None leaves the time to pytest-timeout.

    A limit of the loop's own cancels the test, so that what it holds is closed in order.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), limit_s))
        return True

    return pytest_pyfunc_call
