import signal
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from e2e.command import Command, write_app

NEXT_LIST = r"http://localhost:\d+/api/hello"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    write_app(tmp_path)
    return tmp_path


@pytest.fixture
def host(app: Path) -> Generator[Command]:
    with Command(app) as host:
        yield host


@pytest.fixture
def client(host: Command) -> Generator[httpx.Client]:
    with host.client() as client:
        host.line("Host lock lease")
        yield client


def answer(client: httpx.Client) -> str:
    return client.get("/api/hello").text


def test_a_changed_file_is_named_and_its_new_code_answers(app: Path, host: Command, client: httpx.Client):
    write_app(app, answer="two")
    assert "function_app.py changed" in host.line("changed")
    host.line(NEXT_LIST)
    assert answer(client) == "two"


def test_old_code_answers_while_the_new_does_not_import(app: Path, host: Command, client: httpx.Client):
    write_app(app, answer="two", more="\nimport not_there\n")
    host.line("No module named 'not_there'")
    host.line("keeps running")
    assert answer(client) == "one"
    write_app(app, answer="three")
    host.line(NEXT_LIST)
    assert answer(client) == "three"


def test_a_host_json_that_breaks_leaves_the_old_settings_in_force(app: Path, host: Command, client: httpx.Client):
    (app / "host.json").write_text("{")
    host.line(r"host\.json changed")
    host.line(r"host\.json:1:")
    host.line("keeps running")
    (app / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": "v2"}}}')
    host.line(r"http://localhost:\d+/v2/hello")
    assert client.get("/v2/hello").text == "one"


def test_a_module_that_the_app_imports_is_watched_too(app: Path, host: Command, client: httpx.Client):
    (app / "shared").mkdir()
    (app / "shared" / "texts.py").write_text("")
    host.line(r"shared/texts\.py changed")
    host.line(NEXT_LIST)
    assert answer(client) == "one"


STREAM = """

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def for_ever(request):
    import asyncio

    async def chunks():
        yield "first"
        await asyncio.Event().wait()

    return StreamingResponse(chunks())


app = func.AsgiFunctionApp(Starlette(routes=[Route("/hello", for_ever)]), http_auth_level=func.AuthLevel.ANONYMOUS)
"""


def test_an_endless_stream_does_not_hold_up_a_reload(tmp_path: Path):
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
    write_app(tmp_path, more=STREAM)
    with Command(tmp_path) as host, host.client() as client, client.stream("GET", "/hello") as stream:
        chunks = stream.iter_text()
        assert next(chunks) == "first"
        write_app(tmp_path, answer="two")
        host.line(r"http://localhost:\d+/hello")
        with pytest.raises(httpx.RemoteProtocolError):
            next(chunks)
        assert httpx.get(str(client.base_url.join("/hello"))).text == "two"
        host.send(signal.SIGINT)
        assert host.code() == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the worker")
def test_a_worker_that_is_killed_is_replaced(host: Command, client: httpx.Client):
    import os

    (worker,) = host.worker_pids()
    os.kill(worker, signal.SIGKILL)
    host.line("was ended by SIGKILL. Starting another")
    host.line(NEXT_LIST)
    assert answer(client) == "one"


def test_dependencies_and_data_of_the_app_do_not_reload_it(app: Path, host: Command, client: httpx.Client):
    for folder in (".venv", "__pycache__", "node_modules"):
        (app / folder).mkdir(exist_ok=True)
        (app / folder / "module.py").write_text("")
    (app / "output.csv").write_text("1,2")
    write_app(app, answer="two")
    host.line(r"function_app\.py changed")
    host.line(NEXT_LIST)
    assert host.output.count("changed") == 1
