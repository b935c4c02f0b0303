import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.command import LIMIT_S, Command, write_app

DURABLE = """
import azure.durable_functions as df

durable = df.Blueprint()


@durable.route("begin")
@durable.durable_client_input(client_name="client")
async def begin(req: func.HttpRequest, client) -> func.HttpResponse:
    instance_id = await client.start_new("wait_and_greet")
    return client.create_check_status_response(req, instance_id)


@durable.orchestration_trigger(context_name="context")
def wait_and_greet(context):
    name = yield context.wait_for_external_event("name")
    return (yield context.call_activity("greet", name))


@durable.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"{GREETING} {name}"


app.register_functions(durable)
"""


def write_durable_app(folder: Path, greeting: str) -> None:
    write_app(folder, more=DURABLE.replace("{GREETING}", greeting))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    write_durable_app(tmp_path, "Hello")
    return tmp_path


def begin(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/begin")
    assert answer.status_code == 202
    return answer.json()


def name_it(client: httpx.Client, links: dict[str, Any]) -> None:
    url = links["sendEventPostUri"].replace("{eventName}", "name").replace("localhost", "127.0.0.1")
    assert client.post(url, json="Ada").status_code == 202


def output(client: httpx.Client, links: dict[str, Any]) -> str:
    """Asks again until the instance has ended: there is nothing else that a client can wait for."""
    url, until = links["statusQueryGetUri"].replace("localhost", "127.0.0.1"), time.monotonic() + LIMIT_S
    while (answer := client.get(url)).status_code == 202:
        assert time.monotonic() < until, f"not ended in time: {answer.text}"
    return answer.json()["output"]


@pytest.fixture(params=[(), ("--no-reload",)], ids=["supervised", "in-process"])
def host(app: Path, request: pytest.FixtureRequest) -> Generator[Command]:
    with Command(app, *request.param) as host:
        yield host


def test_an_orchestration_runs_and_is_logged_line_by_line(host: Command):
    with host.client() as client:
        links = begin(client)
        name_it(client, links)
        assert output(client, links) == "Hello Ada"
    host.line(r"Executed 'Functions\.greet' \(Succeeded")


def test_a_host_with_an_orchestration_under_way_ends_with_0(host: Command):
    with host.client() as client:
        begin(client)
        host.press(signal.SIGINT)
        assert host.code() == 0


def test_an_orchestration_goes_on_with_the_new_code_after_a_reload(app: Path):
    with Command(app) as host, host.client() as client:
        host.line("Host lock lease")
        links = begin(client)
        write_durable_app(app, "Good morning")
        host.line(r"http://localhost:\d+/api/begin")
        name_it(client, links)
        assert output(client, links) == "Good morning Ada"


def test_an_orchestration_goes_on_in_the_next_host(app: Path):
    with Command(app) as host, host.client() as client:
        links, port = begin(client), client.base_url.port
        host.press(signal.SIGKILL)
        host.code()
    with Command(app, "--port", str(port)) as host, host.client() as client:
        name_it(client, links)
        assert output(client, links) == "Hello Ada"


def test_a_file_that_is_no_task_hub_is_refused_and_left_alone(app: Path):
    database = app / ".funchost" / "hubs" / "testhubname.db"
    database.parent.mkdir(parents=True)
    database.write_text("my diary " * 1000)
    with Command(app) as host:
        host.line(r"testhubname\.db")
        assert host.code() == 2
        assert "Traceback" not in host.output
    assert database.read_text() == "my diary " * 1000


HANGING = """

import threading


@durable.orchestration_trigger(context_name="context")
def hang(context):
    threading.Event().wait()


@durable.route("hang")
@durable.durable_client_input(client_name="client")
async def begin_to_hang(req: func.HttpRequest, client) -> func.HttpResponse:
    return func.HttpResponse(await client.start_new("hang"))


app.register_functions(durable)
"""


def test_an_orchestrator_that_hangs_is_told_of_and_keeps_nothing_waiting(tmp_path: Path):
    (tmp_path / "host.json").write_text('{"version": "2.0", "functionTimeout": "00:00:01"}')
    before, _, _ = DURABLE.partition("\napp.register_functions")
    write_app(tmp_path, more=before.replace("{GREETING}", "Hello") + HANGING)
    with Command(tmp_path) as host, host.client() as client:
        client.get("/api/hang")
        host.line(r"Functions\.hang\. It hangs at .*function_app\.py, line \d+, in hang, .*: its thread is given up")
        host.line(r"'hang' did not yield in time \(1 of 3 times in a row\)")
        links = begin(client)
        name_it(client, links)
        assert output(client, links) == "Hello Ada"
        host.press(signal.SIGINT)
        assert host.code() == 0
