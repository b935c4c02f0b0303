"""Hubs to test: the contract tests in this folder run on each of them."""

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from coroutines import on_a_loop
from funchost.clock import Clock, SystemClock
from funchost.taskhub.sqlite import SqliteTaskHub
from funchost.taskhub.sqlite.committer import Fault, no_fault

pytest_pyfunc_call = on_a_loop(limit_s=30)


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
