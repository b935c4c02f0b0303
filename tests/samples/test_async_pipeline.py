from collections.abc import Callable
from pathlib import Path

import pytest

from samples.host_process import HostProcess


@pytest.mark.parametrize(
    ("feed", "output", "failures"),
    [
        ("quiet", {"feed": "quiet", "words": 3, "status": "published"}, 0),
        ("flaky", {"feed": "flaky", "words": 3, "status": "published"}, 2),
        ("nowhere", {"feed": "nowhere", "status": "unknown"}, 1),
    ],
)
def test_a_feed_is_imported_with_patience_where_patience_helps(
    copied: Callable[[str], Path], feed: str, output: dict[str, object], failures: int
) -> None:
    with HostProcess(copied("async_pipeline")) as host:
        instance = host.start(f"/api/imports/{feed}")
        status = host.finished(instance)
        assert (status["runtimeStatus"], status["output"]) == ("Completed", output)
        shown = host.http.get(f"/runtime/webhooks/durabletask/instances/{instance}?showHistory=true").json()
        assert [event["EventType"] for event in shown["historyEvents"]].count("TaskFailed") == failures
        assert "determinismWarnings" not in host.output()


def test_an_import_goes_on_where_it_was_when_its_host_is_killed(copied: Callable[[str], Path]) -> None:
    folder = copied("async_pipeline")
    killed = HostProcess(folder).__enter__()
    instance = killed.start("/api/imports/flaky?settle=1")
    killed.kill()
    killed.http.close()
    with HostProcess(folder) as host:
        assert host.finished(instance)["output"]["status"] == "published"
