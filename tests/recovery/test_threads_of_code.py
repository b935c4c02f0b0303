"""Which threads run the author's orchestrators: one for a whole episode, and never that of a loop."""

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import pytest

from recovery.host import Folder
from recovery.working import working


async def test_a_run_of_an_orchestrator_stays_on_its_thread_from_its_start_to_where_it_waits(folder: Folder) -> None:
    threads_of_runs, local = list[set[int]](), threading.local()

    def flow(context: Any) -> Generator[Any, Any, Any]:
        threads, local.mine = set[int](), object()
        threads_of_runs.append(threads)
        mine = local.mine
        for step in range(8):
            threads.add(threading.get_ident())
            assert local.mine is mine
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            yield context.call_activity("one", step)
        threads.add(threading.get_ident())

    async with working(folder, {"flow": flow}, {"one": lambda argument: 1}) as here:
        instances = [await here.start("flow", instance=f"flow-{n}") for n in range(10)]
        ends = [await here.end_of(instance) for instance in instances]
    assert [end.output for end in ends] == [None] * 10
    assert len(threads_of_runs) >= 90, "each of its nine episodes runs each from its start"
    assert {len(threads) for threads in threads_of_runs} == {1}
