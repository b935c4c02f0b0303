"""Another process that works on a hub: ``python peer.py <folder> <worker> <die at> <after how many>``.

It takes whatever comes, schedules one activity an episode up to three, answers them as a worker does, and
prints a line for each thing it did. With a fault point it kills itself at that point of a transaction; with
``hold`` it keeps the first activity for ever and does nothing more.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from funchost.clock import SystemClock
from funchost.ids import WorkerId
from funchost.taskhub import ActivityWork, Episode, HubWorker
from funchost.taskhub.sqlite import SqliteTaskHub
from taskhub.flow import answer_event, outcome_of


class KillAt:
    def __init__(self, point: str, after: int) -> None:
        self._point = point
        self._left = after

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, worker: str, point: str, after: int) -> None:
    hub = SqliteTaskHub.open(
        folder / "hubs" / "test.db", name="test", data_dir=folder, clock=SystemClock(), fault=KillAt(point, after)
    )
    async with hub.work(WorkerId(worker)) as here:
        print("working", flush=True)
        await serve(here, hold=point == "hold")


async def serve(here: HubWorker, *, hold: bool) -> None:
    while True:
        for work in await here.take(episodes=10, activities=10):
            if isinstance(work, ActivityWork):
                print("activity", work.instance, work.task, flush=True)
                if hold:
                    await asyncio.Event().wait()
                await asyncio.to_thread(here.answer, work, answer_event(work), lambda given: None)
            elif isinstance(work, Episode):
                print("episode", work.session.instance, flush=True)
                await asyncio.to_thread(here.commit, work, outcome_of(work), lambda settled: None)
                await here.release(work.session.instance)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
