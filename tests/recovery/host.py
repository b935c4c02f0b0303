"""A host under test as a process of its own: hub, engine, worker and activities on a folder."""

import asyncio
import contextvars
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from funchost.clock import Clock, new_guid, new_uuid
from funchost.durable.entities.batch import EntityEngine, Operation
from funchost.durable.entities.ids import EntityKey
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import DurableFunctions
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.taskhub import TaskHub
from funchost.taskhub.sqlite.file import Durability
from funchost.taskhub.worker.activity import Activity
from funchost.taskhub.worker.advance import Advance, Engine
from funchost.taskhub.worker.entities import EntityLog, EntitySide
from funchost.taskhub.worker.limits import Limits
from funchost.taskhub.worker.worker import OrchestrationWorker
from funchost.threads import ThreadPool
from recovery.books import keep
from recovery.clocks import JumpingClock
from recovery.effects import Effects, activities, rewinding
from recovery.flows import functions
from recovery.points import CODE_POINTS, Hold, Kill, Switch, pointed_code, pointed_entity
from recovery.wrapped import PointedWorker, WrappedHub

__all__ = ["LIMIT_S", "Folder", "Host", "HostSetup", "SilentLog", "open_hub", "worker_on"]

LIMIT_S = 8.0
"""How long anything may take that has to happen."""

FORGET_S = 5.0
"""The worker's pause between looks at its memory; the host under test does not wait that long."""

_PROCESSES = multiprocessing.get_context("forkserver")
# Imported once and inherited: a host starts in a few milliseconds, on threads and locks of its own.
_PROCESSES.set_forkserver_preload(["funchost.taskhub.worker.worker", "funchost.taskhub.sqlite", "funchost.threads"])


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the hosts of one test live."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "hubs" / "test.db"

    @property
    def effects(self) -> Effects:
        return Effects(self.path / "effects")

    @property
    def passed(self) -> Counter[str]:
        """How often hosts passed each point that have ended in order."""
        told = (json.loads(counts.read_text()) for counts in self.path.glob("passed-*"))
        return sum((Counter[str](counts) for counts in told), Counter[str]())

    @property
    def logs(self) -> str:
        return "".join(log.read_text() for log in sorted(self.path.glob("host-*.log")))


@dataclass(frozen=True, slots=True)
class HostSetup:
    at: Kill | Hold | None = None
    limits: Limits = field(default_factory=Limits)
    durability: Durability = "relaxed"
    check_fence: bool = True


class SilentEntityLog:
    def ran(self, entity: EntityKey, operations: Sequence[Operation], took_s: float) -> None:
        pass


class SilentLog:
    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None:
        pass


def open_hub(
    folder: Folder,
    clock: Clock,
    *,
    fault: Callable[[str], None] = lambda point: None,
    durability: Durability = "relaxed",
    check_fence: bool = True,
) -> WrappedHub:
    return WrappedHub.open(
        folder.database,
        name="test",
        data_dir=folder.path,
        clock=clock,
        durability=durability,
        fault=fault,
        check_fence=check_fence,
    )


def worker_on(
    hub: TaskHub,
    clock: Clock,
    names: DurableFunctions,
    runnable: dict[str, Activity],
    *,
    limits: Limits,
    threads: int = 8,
    entity_log: EntityLog | None = None,
    entity_batch: int = 100,
    settings: EngineSettings | None = None,
    drain: timedelta = timedelta(seconds=10),
) -> OrchestrationWorker:
    return OrchestrationWorker(
        hub,
        WorkerId(new_guid()),
        Engine(
            names,
            settings or EngineSettings(),
            lambda name, instance: contextvars.copy_context(),
            lambda: ExecutionId(new_guid()),
        ),
        runnable,
        user_threads=ThreadPool(threads, name="activity"),
        episode_threads=ThreadPool(2, name="episode"),
        clock=clock,
        limits=limits,
        log=SilentLog(),
        entities=EntitySide(
            EntityEngine(names, new_uuid, asyncio.run, max_batch=entity_batch),
            ThreadPool(threads, name="entity"),
            entity_log or SilentEntityLog(),
            lambda name, instance: contextvars.copy_context(),
            lambda: ExecutionId(new_guid()),
        ),
        drain_timeout=drain,
    )


class Host:
    """``with Host(folder) as host:`` works until the end of the block, unless it is killed before."""

    def __init__(self, folder: Folder, setup: HostSetup | None = None) -> None:
        self._pipe, self._theirs = _PROCESSES.Pipe()
        self._setup = setup or HostSetup()
        self._process = _PROCESSES.Process(target=_serve, args=(folder, self._setup, self._theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join(LIMIT_S)
        self._process.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def wait_until_ready(self) -> None:
        """It works, or has come to its end as planned."""
        self._hear()
        assert self.is_alive or isinstance(self._setup.at, Kill), "the host did not start"

    def wait_until_held(self) -> None:
        """After it was ready: it waits where it was to be held."""
        self._hear()

    def go_on(self) -> None:
        self._pipe.send(True)

    def wait_until_gone(self, timeout_s: float = LIMIT_S) -> bool:
        self._process.join(timeout_s)
        return not self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        assert self.wait_until_gone()

    def stop(self) -> None:
        """As Ctrl+C does: it finishes what runs and ends in order."""
        self.send(signal.SIGTERM)
        assert self.wait_until_gone(), "the host did not stop"
        assert self._process.exitcode == 0, self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        """Nothing happens when it has ended already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop it where it stands. The signal is sent at once and works later: on Linux, return when it has."""
        self.send(signal.SIGSTOP)
        until = time.monotonic() + LIMIT_S
        while not all(_is_stopped(task) for task in Path(f"/proc/{self.pid}/task").glob("*")):
            assert time.monotonic() < until, "the host was not stopped"
            time.sleep(0.001)

    def _hear(self) -> None:
        assert self._pipe.poll(LIMIT_S), "the host says nothing"
        try:
            self._pipe.recv()
        except EOFError:
            self._process.join(LIMIT_S)


def _is_stopped(task: Path) -> bool:
    """Whether a thread is; one that has ended is so as well."""
    try:
        state = (task / "stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return True
    return state in "TtZX"


def _serve(folder: Folder, setup: HostSetup, client: Connection) -> None:
    logging.basicConfig(filename=folder.path / f"host-{os.getpid()}.log", level=logging.WARNING)
    # Threads of eight activities take turns often, as in a host.
    sys.setswitchinterval(0.0005)
    asyncio.run(_run(folder, setup, client))


async def _run(folder: Folder, setup: HostSetup, client: Connection) -> None:
    switch = Switch(setup.at, lambda: _hold(client))
    clock = JumpingClock(impatient=FORGET_S)
    hub = open_hub(folder, clock, fault=switch.passed, durability=setup.durability, check_fence=setup.check_fence)
    hub.wrap = lambda worker: PointedWorker(worker, switch.passed)
    hub.passed = switch.passed
    # Each statement is a call of the storage; the committer owns the one connection that writes.
    hub._committer._connection.set_trace_callback(lambda statement: switch.passed("statement"))
    runnable = {**activities(folder.effects, switch.passed), "rewind": rewinding(folder.effects, hub)}
    entity = pointed_entity(switch.passed, keep)
    wraps = setup.at is not None and setup.at.point in CODE_POINTS
    names = functions(pointed_code(switch.passed), entity) if wraps else functions(entity=entity)
    worker = worker_on(hub, clock, names, runnable, limits=setup.limits)
    running = asyncio.create_task(worker.run(lambda: client.send(True)))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    parent = multiprocessing.parent_process()
    assert parent is not None
    loop.add_reader(parent.sentinel, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        pass
    finally:
        loop.remove_reader(parent.sentinel)
        await hub.close()
        (folder.path / f"passed-{os.getpid()}").write_text(json.dumps(switch.counts))


def _hold(client: Connection) -> None:
    client.send(True)
    client.recv()
