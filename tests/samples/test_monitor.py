from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from samples.host_process import HostProcess, eventually
from samples.web_site import web_site


@contextmanager
def site(*, up_after: int) -> Generator[str]:
    """The URL of a site that answers 503 ``up_after`` times and 200 from then on."""
    statuses = chain(repeat(503, up_after), repeat(200))
    with web_site(lambda asked: (next(statuses), {}, "")) as url:
        yield f"{url}/"


def test_a_site_is_watched_until_it_is_up(copied: Callable[[str], Path]) -> None:
    with site(up_after=2) as url, HostProcess(copied("monitor")) as host:
        instance = host.start("/api/monitor", {"url": url, "interval_s": 0.1, "expires_s": 60})
        status = host.finished(instance)
        assert status["output"] == {"up": True, "looks": 3}
        assert status["customStatus"] == {"looks": 3, "status": 200}
        eventually(lambda: f"{url} is up" in host.output() or None, what="the line of the last look")


def test_a_site_that_stays_down_is_given_up_in_time(copied: Callable[[str], Path]) -> None:
    with site(up_after=10_000) as url, HostProcess(copied("monitor")) as host:
        instance = host.start("/api/monitor", {"url": url, "interval_s": 0.1, "expires_s": 0.35})
        output = host.finished(instance)["output"]
        assert output["up"] is False
        assert 1 <= output["looks"] <= 5
