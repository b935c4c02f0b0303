"""The activities of the host under test, and the record of what they did in the world.

Each run of an activity appends one line to a file at once, so that the record outlives the process. ``run`` is
a number of its own for each run, and part of the result: the history tells which run it took.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from funchost.clock import new_guid
from funchost.taskhub import ActivityWork
from funchost.taskhub.worker.activity import Activity, encode

__all__ = ["ACTIVITY_NAMES", "Effect", "Effects", "RecordedActivity", "activities"]

ACTIVITY_NAMES = ("add", "add_async", "flaky", "broken")

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
        return {"value": argument + 1, "run": run}


def activities(effects: Effects, passed: Callable[[str], None] = lambda point: None) -> dict[str, Activity]:
    return {name: RecordedActivity(name, name.endswith("async"), effects, passed) for name in ACTIVITY_NAMES}
