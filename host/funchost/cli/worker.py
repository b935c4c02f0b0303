"""The worker's side of supervision: loads the app, and serves and stops when the parent says so.

The sub-command is private: its first word lists descriptors of the order pipe, the report pipe and the
listening sockets, and the rest is the command line of the parent.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from funchost.errors import AppImportError, ConfigError, StorageError
from funchost.supervisor.protocol import Failed, Loaded, Message, Serve, Serving, Stop, decode, encode

__all__ = ["run_worker"]

EXIT_ORPHANED = 3
EXIT_FAILED = 2


def run_worker(descriptors: str, words: Sequence[str]) -> int:
    """The life of a worker; the exit code."""
    orders, reports, *listening = map(int, descriptors.split(","))
    parent = _Parent(orders, reports)
    sockets = [_adopt(descriptor) for descriptor in listening]
    # Ctrl+C and a closed terminal reach the whole group, and service managers end every process of a service;
    # the parent decides what it means. A handler, unlike ignoring, is not inherited by programs that user code starts.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):  # SIGHUP is not known everywhere
            signal.signal(number, _leave_it_to_the_parent)
    from funchost.cli.arguments import parse
    from funchost.cli.serving import load, serve_loaded

    try:
        options = parse(words)
        assert options is not None
        with load(options, sockets) as loaded:
            parent.report(Loaded())
            if order := parent.wait_to_serve():
                serve_loaded(loaded, again=order.again, ready=lambda: parent.report(Serving()), on_stop=parent.on_stop)
    except AppImportError as problem:
        parent.report(Failed(str(problem), problem.framed))
        return EXIT_FAILED
    except (ConfigError, StorageError) as problem:
        parent.report(Failed(str(problem)))
        return EXIT_FAILED
    return 0


def _leave_it_to_the_parent(number: int, frame: FrameType | None) -> None:
    pass


def _adopt(descriptor: int) -> socket.socket:
    """A socket of the parent, kept from the programs that user code starts."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


class _Parent:
    """The worker's end of the two pipes."""

    def __init__(self, orders: int, reports: int) -> None:
        os.set_inheritable(orders, False)
        os.set_inheritable(reports, False)
        self._orders, self._reports = orders, reports
        self._decided = threading.Event()
        self._serve: Serve | None = None
        self._guard = threading.Lock()
        self._stopped = False
        self._on_stop: Callable[[], None] | None = None
        threading.Thread(target=self._listen, name="funchost-orders", daemon=True).start()

    def report(self, message: Message) -> None:
        try:
            os.write(self._reports, encode(message))
        except OSError:
            # The parent is gone; the other pipe ends this process.
            return

    def wait_to_serve(self) -> Serve | None:
        """None when the order was to stop."""
        self._decided.wait()
        return self._serve

    def on_stop(self, stop: Callable[[], None]) -> None:
        """``stop`` is called once, perhaps before this returns, on any thread."""
        with self._guard:
            self._on_stop = stop
            came_before = self._stopped
        if came_before:
            stop()

    def _listen(self) -> None:
        with os.fdopen(self._orders, "rb") as orders:
            for line in orders:
                self._obey(decode(line))
        # The parent died. Nothing may keep the port and the task hub busy without it; what was under way
        # is taken up by the next host.
        os._exit(EXIT_ORPHANED)

    def _obey(self, order: Message) -> None:
        match order:
            case Serve():
                self._serve = order
                self._decided.set()
            case Stop():
                with self._guard:
                    self._stopped, stop = True, self._on_stop
                self._decided.set()
                if stop is not None:
                    stop()
            case _:
                raise AssertionError(f"not an order: {order}")
