"""A ``funchost start`` of its own for a test: its output line by line, and a client for its address."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

__all__ = ["Command", "write_app"]

LIMIT_S = 30.0

_APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("hello")
def hello(req: func.HttpRequest) -> str:
    return "{answer}"
"""


def write_app(folder: Path, *, answer: str = "one", more: str = "") -> None:
    """An app with one HTTP function, ``/api/hello``."""
    if not (folder / "host.json").exists():
        (folder / "host.json").write_text('{"version": "2.0"}')
    (folder / "function_app.py").write_text(_APP.replace("{answer}", answer) + more)


class Command:
    """``with Command(folder) as host:`` runs until the end of the block at the latest."""

    def __init__(self, folder: Path, *options: str, environ: dict[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", "funchost", "start", *options]
        if "--port" not in options:
            self._command += ["--port", "0"]
        self._folder = folder
        hidden = ("NO_COLOR", "PYTHONHASHSEED", "AzureWebJobsStorage")
        self._environ = {key: value for key, value in os.environ.items() if key not in hidden} | (environ or {})
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._seen = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "\n".join(self._lines)

    def line(self, pattern: str) -> str:
        """The next line, after those already asked for, in which ``pattern`` is found."""
        until = time.monotonic() + LIMIT_S
        with self._news:
            while True:
                while self._seen < len(self._lines):
                    line = self._lines[self._seen]
                    self._seen += 1
                    if re.search(pattern, line):
                        return line
                if not self._reader.is_alive() or not self._news.wait(until - time.monotonic()):
                    raise AssertionError(f"no line with {pattern!r} came:\n{self.output}")

    def client(self) -> httpx.Client:
        """For the address that the list of functions shows."""
        found = re.search(r"http://localhost:(\d+)", self.line(r"http://localhost:\d+"))
        assert found is not None
        return httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", timeout=LIMIT_S)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def press(self, number: signal.Signals) -> None:
        """As a terminal does: to the command and all that it started."""
        os.killpg(self._process.pid, number)

    def press_until_gone(self, number: signal.Signals) -> None:
        """As a person does who has lost patience: again and again."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            self.press(number)
            try:
                self._process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            return

    def code(self) -> int:
        """The exit code, when it has ended."""
        code = self._process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        return code

    def worker_pids(self) -> Sequence[int]:
        """Processes that the command started; on Linux only."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()
