"""Managing instances on a real host: what functions may ask of their client, and what host.json decides."""

import json
from pathlib import Path
from typing import Any

from samples.host_process import HostProcess, eventually

APP = """
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def fragile(context):
    first = yield context.call_activity("count", "first")
    return [first, (yield context.call_activity("count", "second"))]


@app.activity_trigger(input_name="name")
def count(name: str) -> int:
    calls = Path(name)
    calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
    if name == "second" and not Path("mended").exists():
        raise ValueError("not mended yet")
    return len(calls.read_text())


@app.route("start/{id}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> str:
    return await client.start_new(
        "fragile", req.route_params["id"], start_at=timedelta(milliseconds=1), tags={"by": "function"}
    )


@app.route("rewind/{id}")
@app.durable_client_input(client_name="client")
async def rewind(req: func.HttpRequest, client) -> str:
    await client.rewind(req.route_params["id"], "mended & tried again")
    return "rewound"
"""


def write_app(folder: Path, **extensions: Any) -> None:
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": extensions}))


def test_a_failed_instance_is_rewound_by_a_function(tmp_path: Path) -> None:
    write_app(tmp_path)
    with HostProcess(tmp_path) as host:
        assert host.http.get("/api/start/a").text == "a"
        failed = host.finished("a")
        assert (failed["runtimeStatus"], failed["tags"]) == ("Failed", {"by": "function"})
        (tmp_path / "mended").touch()
        assert host.http.get("/api/rewind/a").text == "rewound"
        eventually(lambda: host.status("a")["runtimeStatus"] == "Completed" or None, what="the second end")
        assert host.status("a")["output"] == [1, 2], "what had succeeded was not done again"


def test_the_line_of_one_that_was_terminated_before_its_start_says_so(tmp_path: Path) -> None:
    write_app(tmp_path)
    with HostProcess(tmp_path) as host:
        host.start("/runtime/webhooks/durabletask/orchestrators/fragile/a?scheduledStartTime=2999-01-01")
        host.http.post("/runtime/webhooks/durabletask/instances/a/terminate?reason=no")
        eventually(
            lambda: "Orchestration 'a' ended before it began: Terminated" in host.output() or None, what="a line"
        )


def test_what_finished_long_ago_is_gone_when_the_host_has_begun(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "mended").touch()
    with HostProcess(tmp_path) as host:
        host.start("/runtime/webhooks/durabletask/orchestrators/fragile/a")
        host.finished("a")
        host.start("/runtime/webhooks/durabletask/orchestrators/fragile/b?scheduledStartTime=2999-01-01")
    write_app(tmp_path, funchost={"retention": {"completed": "00:00:01"}})
    eventually(lambda: gone(tmp_path) or None, what="the purge")


def gone(folder: Path) -> bool:
    """Whether a host that has just begun shows only what is still to come."""
    with HostProcess(folder) as host:
        found = host.http.get("/runtime/webhooks/durabletask/instances").json()
    return [instance["instanceId"] for instance in found] == ["b"]
