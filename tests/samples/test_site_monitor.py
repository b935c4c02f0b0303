from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

from samples.host_process import HostProcess, eventually
from samples.web_site import web_site

NOBODY = "http://127.0.0.1:1/"


def test_sites_are_watched_and_each_change_is_told(copied: Callable[[str], Path]) -> None:
    statuses = chain([503, 200], repeat(404))
    with web_site(lambda asked: (next(statuses), {}, "")) as url, HostProcess(copied("site_monitor")) as host:
        order = {"sites": [url, NOBODY], "interval_s": 0.05, "looks": 4}
        status = host.finished(host.start("/api/watch", order))
        told = [f"{url}: not seen before -> status 503", f"{url}: status 503 -> up", f"{url}: up -> status 404"]
        eventually(lambda: all(line in host.output() for line in told) or None, what="the lines of the changes")
        assert host.output().count(f"{NOBODY}: not seen before -> no answer") == 1

    assert status["output"] == {url: "status 404", NOBODY: "no answer"}
    assert status["customStatus"] == {"seen": status["output"], "looks_left": 0}
