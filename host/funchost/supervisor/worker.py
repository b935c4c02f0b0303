"""One worker process as the parent sees it."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from funchost.supervisor.course import Ended, Happening, Reported
from funchost.supervisor.protocol import Message, decode, encode

__all__ = ["WorkerCommand", "WorkerProcess"]


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How to start a worker: ``arguments`` follow the descriptors on its command line."""

    arguments: Sequence[str]
    environ: Mapping[str, str]
    sockets: Sequence[int]


class WorkerProcess:
    """A lifetime that begins with the constructor's end and is over when :class:`Ended` was told."""

    def __init__(self, number: int, command: WorkerCommand, tell: Callable[[Happening], None]) -> None:
        """``tell`` is called from threads of this worker: its reports in order, then its end, once."""
        orders, self._orders = os.pipe()
        self._reports, reports = os.pipe()
        try:
            self._process = subprocess.Popen(
                _command_line(command, orders, reports),
                env=dict(command.environ),
                pass_fds=(orders, reports, *command.sockets),
            )
        finally:
            os.close(orders)
            os.close(reports)
        self._number = number
        self._tell = tell
        self._reading = threading.Thread(target=self._read, name=f"funchost-worker-{number}", daemon=True)
        self._waiting = threading.Thread(target=self._wait, name=f"funchost-worker-{number}-end", daemon=True)
        self._reading.start()
        self._waiting.start()

    def order(self, message: Message) -> None:
        try:
            os.write(self._orders, encode(message))
        except OSError:
            # It ended in the meantime; that is told on its own.
            return

    def kill(self) -> None:
        self._process.kill()

    def join(self, timeout_s: float) -> None:
        self._waiting.join(timeout_s)

    def _read(self) -> None:
        with os.fdopen(self._reports, "rb") as reports:
            for line in reports:
                self._tell(Reported(self._number, decode(line)))

    def _wait(self) -> None:
        code = self._process.wait()
        # A process forked off by user code may hold the pipe open; what the worker itself reported is
        # read long before this is over.
        self._reading.join(1.0)
        self._tell(Ended(self._number, code))
        os.close(self._orders)


def _command_line(command: WorkerCommand, orders: int, reports: int) -> list[str]:
    descriptors = ",".join(map(str, (orders, reports, *command.sockets)))
    # -P: modules of the folder the user happens to be in must not stand in for those of Python.
    return [sys.executable, "-P", "-m", "funchost", "worker", descriptors, *command.arguments]
