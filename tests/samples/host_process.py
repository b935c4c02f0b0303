"""A sample, copied to a folder of its own and served by a real ``funchost`` process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

__all__ = ["SAMPLES", "HostProcess", "eventually"]

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
_LIMIT_S = 30.0
_T = TypeVar("_T")
_OPEN = {"Pending", "Running", "Suspended"}


def eventually(look: Callable[[], _T | None], *, what: str, limit_s: float = _LIMIT_S) -> _T:
    """What ``look`` gives as soon as it is not None: a client of another process can only ask again."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {limit_s} s")


class HostProcess:
    """``with HostProcess(folder) as host:`` serves the app in ``folder``; the output goes to ``host.log``."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.log = folder / "host.log"
        self._folder = folder
        self._settings = dict(settings or {})
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "funchost", "start", "--no-reload", "--storage", "embedded"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)],
                cwd=self._folder,
                env={**os.environ, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            eventually(self._answers, what="the host's first answer")
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        code = self._end(signal.SIGINT)
        assert code == 0, f"the host ended with {code}:\n{self.output()}"

    def kill(self) -> None:
        """As when the machine fails: nothing in the host gets to run again."""
        self._end(signal.SIGKILL)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def start(self, path: str, body: object = None) -> str:
        """POST to a starter of the app; the instance id of its check-status answer."""
        reply = self.http.post(path, json=body) if body is not None else self.http.post(path)
        assert reply.status_code == 202, f"{reply.status_code} {reply.text}\n{self.output()}"
        return str(reply.json()["id"])

    def status(self, instance_id: str) -> dict[str, Any]:
        reply = self.http.get(f"/runtime/webhooks/durabletask/instances/{instance_id}")
        assert reply.status_code in (200, 202), f"{reply.status_code} {reply.text}"
        return dict(reply.json())

    def finished(self, instance_id: str) -> dict[str, Any]:
        """The status of an instance once it has come to an end."""

        def look() -> dict[str, Any] | None:
            status = self.status(instance_id)
            return None if status["runtimeStatus"] in _OPEN else status

        return eventually(look, what=f"the end of instance {instance_id}")

    def _answers(self) -> bool | None:
        assert self._process is not None
        assert self._process.poll() is None, f"the host ended while it started:\n{self.output()}"
        try:
            self.http.get("/")
        except httpx.TransportError:
            return None
        return True

    def _end(self, with_signal: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(with_signal)
        try:
            return self._process.wait(_LIMIT_S)
        finally:
            self._process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
