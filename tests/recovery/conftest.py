"""Coroutine tests, and the folder that the hosts of a test share."""

import asyncio
import inspect
from pathlib import Path

import pytest

from recovery.host import Folder

TEST_LIMIT_S = 60


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_LIMIT_S))
    return True


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
