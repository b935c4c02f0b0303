"""Stopping a host with work under way: what runs is finished, and nobody is kept waiting for what does not."""

import signal
import threading
import time
from pathlib import Path

import httpx

from e2e.command import Command, write_app

_DURABLE = """

import time

import azure.durable_functions as df

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("never"))


app.register_functions(blueprint)


@app.route("slow")
def slow(req: func.HttpRequest) -> str:
    print("slow began", flush=True)
    time.sleep(1)
    return "done"
"""
_START = "/runtime/webhooks/durabletask/orchestrators/waits/one"


class Asking:
    """A request on a thread of its own; ``answer`` is there when it has ended."""

    def __init__(self, client: httpx.Client, method: str, path: str) -> None:
        self._thread = threading.Thread(target=self._ask, args=(client, method, path))
        self._thread.start()
        self.answer: httpx.Response | None = None

    def _ask(self, client: httpx.Client, method: str, path: str) -> None:
        self.answer = client.request(method, path)

    def result(self) -> httpx.Response:
        self._thread.join(20)
        assert self.answer is not None
        return self.answer


def test_who_waits_for_an_instance_gets_its_links_when_the_host_stops(tmp_path: Path):
    write_app(tmp_path, more=_DURABLE)
    with Command(tmp_path, "--no-reload") as host, host.client() as client:
        asking = Asking(client, "POST", f"{_START}?timeout=60&pollingInterval=1")
        until = time.monotonic() + 20
        while client.get("/runtime/webhooks/durabletask/instances/one").status_code == 404:
            assert time.monotonic() < until
        at = time.monotonic()
        host.send(signal.SIGINT)
        answer = asking.result()
        assert (answer.status_code, answer.json()["id"]) == (202, "one")
        assert host.code() == 0
        assert time.monotonic() - at < 5
        assert "Traceback" not in host.output


def test_a_request_under_way_is_answered_before_the_host_ends(tmp_path: Path):
    write_app(tmp_path, more=_DURABLE)
    with Command(tmp_path, "--no-reload") as host, host.client() as client:
        asking = Asking(client, "GET", "/api/slow")
        host.line("slow began")
        host.send(signal.SIGINT)
        assert asking.result().text == "done"
        assert host.code() == 0
