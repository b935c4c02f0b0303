"""The thread that renders and writes: whoever has something to say only puts it in a queue.

A line costs a system call, and a terminal can be slow or paused; neither may cost an orchestration its
time. So the queue is bounded, what does not fit is counted, and the count is said when there is room again.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable

from funchost.console.line import WARNING, Entry, LogLine, Notice, Printed, Tone, notice
from funchost.console.stamp import now_ns

__all__ = ["ConsoleWriter"]

CAPACITY = 20_000
# Warnings and errors still find room when ordinary lines fill the queue.
RESERVE = 2_000
# How long lines gather before they are written together. A person does not see it; under load it saves
# most of the wake-ups, which cost the threads that do the work more than the writing itself.
GATHER_S = 0.02
CLOSE_TIMEOUT_S = 2.0

Render = Callable[[Entry], str]


class ConsoleWriter:
    """A lifetime: between :meth:`start` and :meth:`close` entries are written in the order of :meth:`put`."""

    def __init__(self, render: Render, *, stdout: int = 1, stderr: int = 2, capacity: int = CAPACITY) -> None:
        """``stdout`` and ``stderr`` are file descriptors."""
        self._render = render
        self._files = (stdout, stderr)
        self._capacity = capacity
        self._waiting: deque[Entry] = deque()
        self._filled = threading.Event()
        self._closing = threading.Event()
        self._dropped = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="funchost-console", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Never blocks, from any thread. Drops the entry, and counts it, when too many are waiting."""
        room = self._capacity + (RESERVE if _is_urgent(entry) else 0)
        if len(self._waiting) >= room or self._closing.is_set():
            with self._counting:
                self._dropped += 1
            return
        self._waiting.append(entry)
        if not self._filled.is_set():
            self._filled.set()

    def close(self) -> None:
        """Write what is waiting, but no longer than two seconds: the reader of a pipe may be gone."""
        self._closing.set()
        self._filled.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            self._filled.wait()
            closing = self._closing.is_set()
            self._filled.clear()
            self._write_waiting()
            if closing:
                return
            self._closing.wait(GATHER_S)

    def _write_waiting(self) -> None:
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        # What arrives from here on belongs to the next batch; otherwise a flood would never be written.
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if dropped:
            text = f"{dropped} console lines were dropped because they came faster than they could be written."
            entries.append(notice(now_ns(), text, Tone.WARNING, stamped=True))
        for file, text in _by_file(entries, self._render):
            _write_all(self._files[file], text)


def _is_urgent(entry: Entry) -> bool:
    return isinstance(entry, LogLine | Notice) and entry.level >= WARNING


def _by_file(entries: list[Entry], render: Render) -> list[tuple[int, str]]:
    """Neighbours that go to the same file joined, so that each takes one write."""
    pieces: list[tuple[int, list[str]]] = []
    for entry in entries:
        file = 1 if isinstance(entry, Printed) and entry.to_stderr else 0
        if not pieces or pieces[-1][0] != file:
            pieces.append((file, []))
        pieces[-1][1].append(render(entry))
    return [(file, "".join(texts)) for file, texts in pieces]


def _write_all(file: int, text: str) -> None:
    data = memoryview(text.encode(sys.getdefaultencoding(), errors="backslashreplace"))
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        # The terminal or the reader of the pipe is gone. The host goes on: losing its console is no reason
        # to lose its work.
        return
