"""Events of the SDK's client, from the function that raises them to the orchestrator that waits for them."""

import json
from pathlib import Path

import pytest

from samples.host_process import HostProcess

APP = """
import json

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def gather(context):
    seen = []
    for _ in range(context.get_input()):
        value = yield context.wait_for_external_event("value")
        seen.append([type(value).__name__, value])
    return seen


@app.route("rich/{id}")
@app.durable_client_input(client_name="client")
async def rich(req: func.HttpRequest, client) -> str:
    for value in req.get_json():
        await client.raise_event(req.route_params["id"], "value", value)
    return "raised"


@app.route("plain/{id}")
@app.generic_input_binding(arg_name="starter", type="durableClient")
async def plain(req: func.HttpRequest, starter: str) -> str:
    client = df.DurableOrchestrationClient(starter)
    for value in req.get_json():
        await client.raise_event(req.route_params["id"], "value", value)
    return "raised"
"""
VALUES = [{"a": 1}, "abc", True, None, 5, "ø"]
API = "/runtime/webhooks/durabletask"


@pytest.mark.parametrize("decode", [False, True])
def test_an_orchestrator_gets_text_or_values_as_the_host_is_told(tmp_path: Path, decode: bool) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    extensions = {"funchost": {"decodeSdkEvents": True}} if decode else {}
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "extensions": extensions}))
    with HostProcess(tmp_path) as host:
        for client in ("rich", "plain"):
            assert host.start(f"{API}/orchestrators/gather/{client}", len(VALUES) + 1) == client
            assert host.http.post(f"/api/{client}/{client}", json=VALUES).text == "raised"
            # Raised over HTTP, an event is its value either way.
            host.http.post(f"{API}/instances/{client}/raiseEvent/value", json={"b": 2})
        gathered = {client: host.finished(client)["output"] for client in ("rich", "plain")}
    expected: list[object] = (
        [[type(v).__name__, v] for v in VALUES] if decode else [["str", json.dumps(v)] for v in VALUES]
    )
    expected.append(["dict", {"b": 2}])
    assert gathered == {"rich": expected, "plain": expected}
