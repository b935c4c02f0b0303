"""``call_http`` in a real host."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from samples.host_process import HostProcess, eventually
from samples.web_site import Answer, web_site

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def ask(context):
    given = context.get_input()
    if "retry" in given:
        given["retry"] = df.RetryOptions(*given["retry"])
    try:
        answer = yield context.call_http(**given)
    except Exception as error:
        return str(error)
    return [answer["statusCode"], answer["content"]]
"""

PAGES: dict[str, Answer] = {
    "POST /jobs": (202, {"Location": "jobs/7", "Retry-After": "1"}, "wait"),
    "GET /jobs/7": (200, {"Content-Type": "text/plain; charset=latin-1"}, "done"),
    "POST /nowhere": (202, {}, "accepted"),
    "GET /broken": (503, {}, "broken"),
}


class Pages:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, asked: str) -> Answer:
        self.asked.append(asked)
        if asked == "GET /twice":
            return (503 if self.asked.count(asked) < 3 else 200), {}, "third"
        return PAGES[asked]


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.fixture(scope="module")
def url(pages: Pages) -> Generator[str]:
    with web_site(pages) as url:
        yield url


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Generator[HostProcess]:
    folder: Path = tmp_path_factory.mktemp("app")
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    with HostProcess(folder) as host:
        yield host


def answer(host: HostProcess, method: str, uri: str, **more: Any) -> Any:
    given = {"method": method, "uri": uri, **more}
    status = host.finished(host.start("/runtime/webhooks/durabletask/orchestrators/ask", given))
    assert status["runtimeStatus"] == "Completed", status
    return status["output"]


def test_a_202_is_polled_until_it_is_done_and_its_line_shows_no_query(host: HostProcess, url: str) -> None:
    assert answer(host, "POST", f"{url}/jobs") == [200, "done"]
    place = url.removeprefix("http://")
    for line in (f"Executed 'POST {place}/jobs' (202", f"Executed 'GET {place}/jobs/7' (200"):
        eventually(lambda line=line: line in host.output() or None, what=line)


def test_polling_can_be_left_to_the_orchestrator(host: HostProcess, url: str) -> None:
    assert answer(host, "POST", f"{url}/jobs", poll=False) == [202, "wait"]
    assert "poll=False" in answer(host, "POST", f"{url}/nowhere")


def test_a_request_is_tried_again_by_status(host: HostProcess, url: str) -> None:
    assert answer(host, "GET", f"{url}/twice", retry=[1, 3], retry_on=[503]) == [200, "third"]


def test_what_stays_wrong_comes_to_the_orchestrator(host: HostProcess, url: str, pages: Pages) -> None:
    assert answer(host, "GET", f"{url}/broken") == [503, "broken"]
    failure = answer(host, "GET", f"{url}/broken", retry=[1, 2])
    assert failure.startswith("Activity function 'BuiltIn::HttpActivity' failed:  UnwantedStatus: ")
    assert pages.asked.count("GET /broken") == 3
    refused = answer(host, "GET", "http://127.0.0.1:1/?code=secret")
    assert refused.startswith("Activity function 'BuiltIn::HttpActivity' failed:  ConnectionError: ")
    assert "secret" not in refused
    assert "secret" not in host.output()
