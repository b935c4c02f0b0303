from collections.abc import Callable
from pathlib import Path

from samples.host_process import HostProcess, eventually


def test_the_cities_are_greeted_in_order(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("hello_cities")) as host:
        status = host.finished(host.start("/api/hello_cities", ["Oslo", "Lima"]))
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == ["Hello Oslo!", "Hello Lima!"]


def test_without_a_body_the_usual_cities_are_greeted(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("hello_cities")) as host:
        status = host.finished(host.start("/api/hello_cities"))
    assert status["output"] == ["Hello Tokyo!", "Hello Seattle!", "Hello Cairo!"]


def test_a_killed_host_carries_on_where_it_was(copied: Callable[[str], Path]) -> None:
    folder = copied("hello_cities")
    slow = HostProcess(folder, settings={"GREETING_SECONDS": "0.3"})
    slow.__enter__()
    instance = slow.start("/api/hello_cities")
    eventually(lambda: slow.status(instance)["customStatus"], what="the first greeting")
    slow.kill()
    slow.http.close()

    with HostProcess(folder) as host:
        status = host.finished(instance)
        assert status["output"] == ["Hello Tokyo!", "Hello Seattle!", "Hello Cairo!"]
        # What was recorded before the kill was not done again.
        assert host.output().count("Greeting Tokyo") == 1
