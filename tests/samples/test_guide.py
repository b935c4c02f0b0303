"""The blocks of ``docs/durable.md``, each in as much of an app as it needs, on a real host."""

import json
import re
import time
from collections.abc import Generator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from samples.documents import REPOSITORY, blocks
from samples.host_process import HostProcess
from samples.web_site import Answer, web_site

GUIDE = "docs/durable.md"

APP = """
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from funchost import OrchestrationContext, RetryPolicy

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.activity_trigger(input_name="text")
def split(text: str) -> list:
    return text.split()


@app.activity_trigger(input_name="part")
def convert(part: str) -> str:
    return part.upper()


charged = []


@app.activity_trigger(input_name="order")
def charge(order: str) -> str:
    charged.append(order)
    raise ValueError(f"{order} has no card")


@app.entity_trigger(context_name="context")
def account(context: df.DurableEntityContext):
    change = context.get_input() or 0
    balance = context.get_state(lambda: 0) + (-change if context.operation_name == "withdraw" else change)
    context.set_state(balance)
    context.set_result(balance)


@app.orchestration_trigger(context_name="context")
def invoice(context: df.DurableOrchestrationContext):
    yield context.create_timer(timedelta(0))


<async_def>


@app.orchestration_trigger(context_name="context")
def buy(context: OrchestrationContext):
    order = context.get_input()
    try:
<retries>
    except Exception as error:
        return [error.error_type, charged]


@app.orchestration_trigger(context_name="context")
def transfer(context: OrchestrationContext):
    source, target = df.EntityId("account", "source"), df.EntityId("account", "target")
<critical_section>
    return (yield context.task_all([context.call_entity(each, "balance") for each in (source, target)]))


@app.orchestration_trigger(context_name="context")
def post_job(context: OrchestrationContext):
<request>
    return [answer["statusCode"], answer["content"]]


@app.orchestration_trigger(context_name="context")
def read_secret(context: OrchestrationContext):
    url = context.get_input()
    answer = yield <token>
    return [answer["statusCode"], answer["content"]]


@app.route(route="orders/{order_id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def place(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    order_id, order = req.route_params["order_id"], {"item": "book"}
<start>
    return "placed"
"""


class Pages:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, asked: str) -> Answer:
        self.asked.append(asked)
        match asked.partition("?")[0]:
            case "POST /jobs" if self.asked.count(asked) == 1:
                return 503, {}, "busy"
            case "POST /jobs":
                return 202, {"Location": "/jobs/7", "Retry-After": "1"}, "wait"
            case "GET /identity":
                token = {"access_token": "t", "expires_on": str(int(time.time()) + 3600), "resource": "r"}
                return 200, {"Content-Type": "application/json"}, json.dumps({**token, "token_type": "Bearer"})
            case _:
                return 200, {}, "done"


def code(section: str, *, indented: int = 4) -> str:
    (block,) = (block for block in blocks(GUIDE) if block.section == section)
    return indent(block.text.rstrip(), indented * " ")


def app_of_the_guide(site: str) -> str:
    request = code("Requests: `call_http`")
    for written, here in (("https://example.org", site), ("RetryOptions(5000,", "RetryOptions(1,")):
        assert written in request
        request = request.replace(written, here)
    parts = {
        "async_def": code("Orchestrators with `async def`", indented=0),
        "retries": code("Retries: `RetryPolicy`", indented=8),
        "critical_section": code("Critical sections"),
        "request": request,
        "token": code("Tokens", indented=0),
        "start": code("Starting"),
    }
    return re.sub(r"<(\w+)>", lambda place: parts[place[1]], APP)


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.fixture(scope="module")
def site(pages: Pages) -> Generator[str]:
    with web_site(pages) as url:
        yield url


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, site: str) -> Generator[HostProcess]:
    folder: Path = tmp_path_factory.mktemp("guide")
    (folder / "function_app.py").write_text(app_of_the_guide(site))
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **json.loads(code("Retention"))}))
    # The managed identity of an App Service, and nobody else, on whatever machine the test runs.
    identity = {"IDENTITY_ENDPOINT": f"{site}/identity", "IDENTITY_HEADER": "secret"}
    nobody = dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID"), "")
    with HostProcess(folder, settings={**identity, **nobody}) as host:
        yield host


def result(host: HostProcess, orchestrator: str, given: object = None) -> Any:
    status = host.finished(host.start(f"/runtime/webhooks/durabletask/orchestrators/{orchestrator}", given))
    assert status["runtimeStatus"] == "Completed", status
    return status["output"]


def test_each_block_of_the_guide_is_run_here() -> None:
    assert [block.section for block in blocks(GUIDE)] == [
        "Orchestrators with `async def`",
        "Retries: `RetryPolicy`",
        "Critical sections",
        "Requests: `call_http`",
        "Tokens",
        "Starting",
        "Retention",
    ]


def test_an_async_orchestrator_awaits_its_activities(host: HostProcess) -> None:
    assert result(host, "pipeline", "a b") == ["A", "B"]


def test_what_a_policy_does_not_retry_fails_at_once(host: HostProcess) -> None:
    assert result(host, "buy", "o1") == ["ValueError", ["o1"]]


def test_a_critical_section_moves_an_amount(host: HostProcess) -> None:
    assert result(host, "transfer") == [-10, 10]


def test_a_request_is_tried_again_and_polled(host: HostProcess, pages: Pages) -> None:
    assert result(host, "post_job") == [200, "done"]
    assert [asked for asked in pages.asked if "jobs" in asked] == ["POST /jobs", "POST /jobs", "GET /jobs/7"]


def test_a_token_is_fetched_for_a_request(host: HostProcess, site: str, pages: Pages) -> None:
    pytest.importorskip("azure.identity")
    assert result(host, "read_secret", f"{site}/secret") == [200, "done"]
    (fetched,) = (asked for asked in pages.asked if asked.startswith("GET /identity"))
    assert "vault.azure.net" in fetched


def test_a_start_of_a_client_takes_a_time_tags_and_the_place_of_another(host: HostProcess) -> None:
    for _ in range(2):
        assert host.http.post("/api/orders/o1").text == "placed"
    status = host.status("o1")
    assert (status["runtimeStatus"], status["tags"]) == ("Pending", {"customer": "4711"})


def test_a_start_over_http_takes_the_same(host: HostProcess) -> None:
    query = re.findall(r"^\| `\w+` \| `(\w+=[^`]+)`", (REPOSITORY / GUIDE).read_text(), re.MULTILINE)
    assert len(query) == 4
    instance = host.start(f"/runtime/webhooks/durabletask/orchestrators/invoice?{'&'.join(query)}")
    (listed,) = host.http.get("/runtime/webhooks/durabletask/instances?tag=name=value").json()
    assert (listed["instanceId"], listed["scheduledTime"]) == (instance, "2031-05-01T10:00:00Z")


def test_the_retention_of_the_guide_is_understood(host: HostProcess) -> None:
    assert "host.json" not in host.output()
