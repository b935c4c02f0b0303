"""The command itself, killed at random moments with an app that it serves over HTTP."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from funchost.clock import SystemClock
from funchost.taskhub.sqlite import SqliteTaskHub
from recovery.verify import answers_match_requests, find
from samples.host_process import HostProcess

_KILLS = 3
_INSTANCES = 12
_STEPS = 8

_APP = """
import os, time
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def flow(context: df.DurableOrchestrationContext):
    total = 0
    for step in range(context.get_input()):
        total += yield context.call_activity("work", f"{context.instance_id} {step}")
    pair = yield context.task_all([context.call_activity("work", f"{context.instance_id} {side}") for side in "ab"])
    return total + sum(pair)


@app.activity_trigger(input_name="label")
def work(label: str) -> int:
    with open("effects", "a") as effects:
        effects.write(label + "\\n")
    time.sleep(0.02)
    return 1
"""


async def test_a_started_host_that_is_killed_again_and_again_completes_its_work(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(_APP)
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"durableTask": {"hubName": "Killed"}}}')
    ids = await asyncio.to_thread(_serve_and_kill, tmp_path)
    runs = Counter((tmp_path / "effects").read_text().splitlines())
    assert runs.keys() == {f"{one} {step}" for one in ids for step in (*range(_STEPS), "a", "b")}
    assert max(runs.values()) <= 1 + _KILLS
    await _check_histories(tmp_path, ids)


def _serve_and_kill(folder: Path) -> Sequence[str]:
    """The ids, when all have completed."""
    ids = list[str]()
    chance = SystemRandom()
    for _ in range(_KILLS):
        # Not left in order, so not entered as a block.
        host = HostProcess(folder)
        host.__enter__()
        if not ids:
            path = "/runtime/webhooks/durabletask/orchestrators/flow"
            ids += [host.start(path, _STEPS) for _ in range(_INSTANCES)]
        time.sleep(chance.uniform(0.0, 0.08))
        host.kill()
        host.http.close()
    with HostProcess(folder) as host:
        for one in ids:
            status = host.finished(one)
            assert (status["runtimeStatus"], status["output"]) == ("Completed", _STEPS + 2)
    return ids


async def _check_histories(folder: Path, ids: Sequence[str]) -> None:
    data = folder / ".funchost"
    hub = SqliteTaskHub.open(data / "hubs" / "killed.db", name="Killed", data_dir=data, clock=SystemClock())
    try:
        found = await find(hub)
        assert found.keys() == set(ids)
        for one in found.values():
            answers_match_requests(one.history)
    finally:
        await hub.close()
