import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from samples.host_process import HostProcess, eventually


@contextmanager
def site(*, up_after: int) -> Generator[str]:
    """The URL of a site that answers 503 ``up_after`` times and 200 from then on."""
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if len(asked) > up_after else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the base class)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, name="site")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


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
