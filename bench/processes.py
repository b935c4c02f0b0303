"""Servers of the benchmark as processes: started, waited for, measured, stopped."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

__all__ = ["Server", "free_port", "wait_for_answer"]

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_answer(url: str, alive: "Server", *, limit_s: float = _START_LIMIT_S) -> None:
    """Return when ``url`` answers anything at all, which is when a server is up. Raises RuntimeError."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if alive.ended():
            raise RuntimeError(f"{alive.name} ended while it was started:\n{alive.tail()}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise RuntimeError(f"{alive.name} did not answer at {url} within {limit_s} s:\n{alive.tail()}")


class Server:
    """One process, its output in ``<folder>/<name>.log``; ``with`` starts it and stops what it started."""

    def __init__(self, name: str, command: Sequence[str], *, cwd: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._cwd = cwd
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def cpu_s(self) -> float:
        """Seconds of CPU that this process and its children have used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    def memory_mb(self) -> float:
        """Resident memory of this process and its children, in 10^6 bytes, pages that they share counted for each."""
        return sum(process.memory_info().rss for process in self._family()) / 1e6

    def peak_memory_mb(self) -> float:
        """The most resident memory that this process ever had, in 10^6 bytes; without /proc: has now."""
        assert self._process is not None
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return self.memory_mb()
        peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak_kib) * 1024 / 1e6

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]
