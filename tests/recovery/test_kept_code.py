"""Extended sessions: code stays suspended between episodes, for a while, and is closed where user code may run."""

import asyncio
import threading
from collections.abc import Generator
from datetime import timedelta
from typing import Any

from funchost.taskhub.worker.worker import KeptCodeLimits, Limits
from recovery.clocks import JumpingClock
from recovery.host import FORGET_S, LIMIT_S, Folder
from recovery.working import working

Code = Generator[Any, Any, Any]


KEEPING = Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=60)))


def one(argument: Any) -> int:
    return 1


async def test_kept_code_is_resumed_instead_of_run_again(folder: Folder) -> None:
    began = list[str]()

    def flow(context: Any) -> Code:
        began.append(context.instance_id)
        for step in range(5):
            yield context.call_activity("one", step)
        return "out"

    async with working(
        folder, {"flow": flow}, {"one": one}, limits=Limits(kept_code=KeptCodeLimits(idle=timedelta(seconds=10)))
    ) as here:
        assert (await here.end_of(await here.start("flow"))).output == '"out"'
    assert began == ["flow"]


async def test_code_that_nobody_needs_for_long_is_closed_on_an_episode_thread(folder: Folder) -> None:
    closed, threads = threading.Event(), list[str]()

    def flow(context: Any) -> Code:
        try:
            yield context.wait_for_external_event("never")
        finally:
            threads.append(threading.current_thread().name)
            closed.set()

    clock = JumpingClock(impatient=FORGET_S)
    limits = Limits(kept_code=KeptCodeLimits(idle=timedelta(milliseconds=50)))
    async with working(folder, {"flow": flow}, {"one": one}, clock=clock, limits=limits) as here:
        await here.start("flow")
        assert await asyncio.to_thread(closed.wait, LIMIT_S)
    assert [name.split("-")[0] for name in threads] == ["episode"]
