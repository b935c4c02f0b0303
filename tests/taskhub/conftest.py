"""Hubs to test: the contract tests in this folder run on each of them."""

import asyncio
import inspect
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from funchost.clock import Clock, SystemClock
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.taskhub.sqlite.committer import Fault, no_fault

TEST_LIMIT_S = 30


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_LIMIT_S))
    return True


class SqliteHubs:
    """Opens any number of hub objects on one database: each stands for a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "hubs" / "test.db"
        self._opened: list[SqliteTaskHub] = []

    def open(self, *, clock: Clock | None = None, fault: Fault = no_fault, check_fence: bool = True) -> SqliteTaskHub:
        hub = SqliteTaskHub.open(
            self.path,
            name="test",
            data_dir=self.folder,
            clock=clock or SystemClock(),
            durability="relaxed",
            fault=fault,
            check_fence=check_fence,
        )
        self._opened.append(hub)
        return hub

    def close(self) -> None:
        for hub in self._opened:
            asyncio.run(hub.close())


@pytest.fixture(params=["sqlite"])
def hubs(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Any]:
    """The factory of the hub under test; another store joins the contract by a parameter here."""
    factory = {"sqlite": SqliteHubs}[request.param](tmp_path)
    yield factory
    factory.close()


@pytest.fixture
def hub(hubs: SqliteHubs) -> SqliteTaskHub:
    return hubs.open()
