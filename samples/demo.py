"""``make demo``: an orchestration outlives its host.

Starts the sample ``hello_cities`` with slow activities, runs an orchestration over HTTP, prints each step, kills
the host in the middle with SIGKILL, starts it again and waits for the end. Exit code 0 only if the orchestration
completed with the right output.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).resolve().parent / "hello_cities"
START = [sys.executable, "-m", "funchost", "start", "--no-reload", "--storage", "embedded"]
CITIES = ["Tokyo", "Seattle", "Cairo", "Oslo", "Lima"]
GREETING_SECONDS = "0.7"
KILL_AFTER = 2
LIMIT_S = 60.0


class DemoFailed(Exception):
    """The demo did not come to its end."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class Host:
    """One ``funchost start``; its console goes to ``log``."""

    def __init__(self, app: Path, port: int, log: Path) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("ab") as console:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "funchost",
                    "start",
                    "--no-reload",
                    "--storage",
                    "embedded",
                    "--port",
                    str(port),
                ],
                cwd=app,
                env={**os.environ, "GREETING_SECONDS": GREETING_SECONDS, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def wait_until_it_answers(self) -> None:
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise DemoFailed(f"the host ended with exit code {self._process.returncode}:\n{self._log.read_text()}")
            try:
                urllib.request.urlopen(f"{self.base}/", timeout=5).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise DemoFailed(f"the host did not answer within {LIMIT_S:.0f} s")

    def request(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LIMIT_S)


def steps(host: Host, instance: str) -> Iterator[dict[str, Any]]:
    """The status of ``instance`` each time another activity has finished, and once more at its end."""
    path = f"/runtime/webhooks/durabletask/instances/{instance}?showHistory=true&showHistoryOutput=true"
    seen = -1
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        status = host.request(path)
        ended = status["runtimeStatus"] not in ("Pending", "Running")
        done = len(greetings(status))
        if done > seen or ended:
            seen = done
            yield status
        if ended:
            return
        time.sleep(0.05)
    raise DemoFailed(f"the orchestration did not end within {LIMIT_S:.0f} s")


def greetings(status: dict[str, Any]) -> list[str]:
    # There is no history to show before the orchestration has first run.
    history = status.get("historyEvents") or []
    return [event["Result"] for event in history if event["EventType"] == "TaskCompleted"]


def run(app: Path, log: Path) -> None:
    port = free_port()
    say("starting the host: funchost start")
    with started(app, port, log) as host:
        instance = host.request("/api/hello_cities", CITIES)["id"]
        say(f"POST /api/hello_cities started instance {instance}")
        for status in steps(host, instance):
            show(status)
            if len(greetings(status)) == KILL_AFTER:
                break
        host.kill()
        say("KILLED the host with SIGKILL while it was greeting the next city")

    say("starting the host again")
    with started(app, port, log) as host:
        status = {}
        for status in steps(host, instance):
            show(status)
        host.stop()
    check(status, log)


@contextmanager
def started(app: Path, port: int, log: Path) -> Generator[Host]:
    before = time.monotonic()
    host = Host(app, port, log)
    try:
        host.wait_until_it_answers()
        say(f"the host answers at {host.base} after {time.monotonic() - before:.2f} s")
        yield host
    finally:
        host.kill()


def show(status: dict[str, Any]) -> None:
    done = greetings(status)
    say(f"{status['runtimeStatus']:10} {len(done)} of {len(CITIES)} greeted" + (f": {done[-1]}" if done else ""))


def check(status: dict[str, Any], log: Path) -> None:
    """Raises DemoFailed unless all is as it should be."""
    console = log.read_text()
    print("\ntimes that each activity ran (at least once; what was recorded before the kill, exactly once):")
    for number, city in enumerate(CITIES):
        count = console.count(f"Greeting {city}")
        print(f"  say_hello({city!r}): {count}")
        if count < 1 or (number < KILL_AFTER and count > 1):
            raise DemoFailed(f"{city} was greeted {count} times")
    print(f"output: {status['output']}")
    if status["runtimeStatus"] != "Completed" or status["output"] != [f"Hello {city}!" for city in CITIES]:
        raise DemoFailed(f"unexpected end: {status}")
    print("\nThe orchestration outlived its host.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="funchost-demo-") as folder:
        app = Path(shutil.copytree(SAMPLE, Path(folder) / "hello_cities"))
        try:
            run(app, Path(folder) / "console.log")
        except (DemoFailed, OSError) as exc:
            print(f"\nthe demo failed: {exc}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
