"""The activities of the host under test, and the record of what they did in the world.

Each run of an activity appends one line to a file at once, so that the record outlives the process. ``run`` is
a number of its own for each run, and part of the result: the history tells which run it took.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from funchost.clock import SystemClock, new_guid
from funchost.durable import payloads
from funchost.durable.status import RuntimeStatus
from funchost.errors import InstanceGone, InstanceNotFound, InvalidOperation
from funchost.taskhub import ActivityWork, TaskHub
from funchost.taskhub.client import HubClient
from funchost.taskhub.worker.activity import Activity, Later, encode

__all__ = ["ACTIVITY_NAMES", "MOST_POLLS", "Effect", "Effects", "RecordedActivity", "activities", "rewinding"]

_RECORDED = ("add", "add_async", "flaky", "broken", "fragile")

ACTIVITY_NAMES = (*_RECORDED, "poll", "rewind")

MOST_POLLS = 3
"""How often ``poll`` may be asked to come again."""

_FAILURES_OF_FLAKY = 2


class Effect(msgspec.Struct):
    """One run: ``at`` are monotonic seconds of the machine, comparable between processes."""

    instance: str
    execution: str
    task: int
    name: str
    run: str
    process: int
    at: float

    @property
    def request(self) -> tuple[str, int]:
        """What was to be done, however often it was."""
        return self.execution, self.task


class Effects:
    """The record in one file, shared by all processes of a test."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, work: ActivityWork) -> str:
        run = new_guid()
        effect = Effect(work.instance, work.execution, work.task, work.name, run, os.getpid(), time.monotonic())
        self.append(effect)
        return run

    def append(self, effect: Effect) -> None:
        # One write to a file opened for appending: in one piece, whoever else writes. A kill may cut it off where a
        # page of the file ends; what then comes first of the next is the end of its line.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"\n" + msgspec.json.encode(effect))
        finally:
            os.close(descriptor)

    def read(self) -> Sequence[Effect]:
        """Without those that are cut off, or being written: such a run has not done anything yet."""
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        return [msgspec.json.decode(line, type=Effect) for line in lines if line.endswith(b"}")]

    def mend(self, instance: str) -> None:
        """From now on ``fragile`` succeeds for this instance."""
        self._mended(instance).touch()

    def is_mended(self, instance: str) -> bool:
        return self._mended(instance).exists()

    def _mended(self, instance: str) -> Path:
        return self._path.with_name(f"mended-{instance}")

    def count(self, instance: str, name: str) -> int:
        return sum(effect.instance == instance and effect.name == name for effect in self.read())


@dataclass(frozen=True, slots=True)
class RecordedActivity:
    """``passed`` is told of ``activity`` before the run and of ``activity-done`` after it, nothing handed over yet."""

    name: str
    is_async: bool
    effects: Effects
    passed: Callable[[str], None]

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        self.passed("activity")
        value = self._act(argument, work)
        self.passed("activity-done")
        return encode(value)

    async def call_async(self, argument: Any, work: ActivityWork) -> str | None:
        await asyncio.sleep(0)
        value = self.call(argument, work)
        await asyncio.sleep(0)
        return value

    def _act(self, argument: Any, work: ActivityWork) -> Any:
        run = self.effects.record(work)
        if self.name == "broken":
            raise RuntimeError("broken on purpose")
        if self.name == "flaky" and self.effects.count(work.instance, self.name) <= _FAILURES_OF_FLAKY:
            raise RuntimeError("not yet")
        if self.name == "fragile":
            if not self.effects.is_mended(argument):
                raise RuntimeError("broken until it is mended")
            return {"value": 0, "run": run}
        return {"value": argument + 1, "run": run}


@dataclass(frozen=True, slots=True)
class Polling:
    """Is not done, and comes again with one less to go."""

    effects: Effects
    name: str = "poll"
    is_async: bool = True

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        raise NotImplementedError

    async def call_async(self, argument: Any, work: ActivityWork) -> str | Later | None:
        run = self.effects.record(work)
        if argument > 0:
            return Later(payloads.activity_input(payloads.encode(argument - 1)), timedelta(milliseconds=5))
        return encode({"value": argument, "run": run})


@dataclass(frozen=True, slots=True)
class Rewinding:
    """Mends an instance that has failed, and rewinds it. Gives the status in which it was found."""

    effects: Effects
    client: HubClient
    name: str = "rewind"
    is_async: bool = True

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        raise NotImplementedError

    async def call_async(self, argument: Any, work: ActivityWork) -> str | Later | None:
        run = self.effects.record(work)
        return encode({"value": await self._found(argument), "run": run})

    async def _found(self, instance: str) -> str:
        try:
            status = (await self.client.read(instance)).status
        except InstanceNotFound:
            return RuntimeStatus.PENDING.value
        if status is RuntimeStatus.FAILED:
            self.effects.mend(instance)
            # Another host may have been faster: this one was killed after it had asked, or stopped for a while.
            with suppress(InstanceGone, InvalidOperation):
                await self.client.rewind(instance, "mended")
        return status.value


def rewinding(effects: Effects, hub: TaskHub) -> Activity:
    return Rewinding(effects, HubClient(hub, SystemClock(), orchestrators={}))


def activities(effects: Effects, passed: Callable[[str], None] = lambda point: None) -> dict[str, Activity]:
    """All but ``rewind``, which needs a hub."""
    recorded = {name: RecordedActivity(name, name.endswith("async"), effects, passed) for name in _RECORDED}
    return {**recorded, "poll": Polling(effects)}
