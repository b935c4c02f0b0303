"""The parent's loop: waits for what happens, and carries out what the course says."""

import queue
import signal
import time
from collections.abc import Callable
from types import FrameType

from funchost.console.printer import Printer
from funchost.supervisor.course import (
    Changed,
    Course,
    End,
    Happening,
    Interrupted,
    Kill,
    Order,
    Overdue,
    Say,
    Spawn,
    Step,
)
from funchost.supervisor.watching import Watched, Watcher
from funchost.supervisor.worker import WorkerCommand, WorkerProcess

__all__ = ["supervise"]

# Killed processes are gone at once, save for those that wait for a broken disk or network.
KILLED_S = 2.0


def supervise(
    command: WorkerCommand,
    watched: Watched,
    printer: Printer,
    errors: Printer,
    *,
    load_timeout_s: float,
    drain_s: float,
) -> int:
    """Run workers until the user stops it or nothing can run; the exit code. ``errors`` takes the last word.

    Takes over the signals that ask a process to end, for good: for the main thread only, and the last that it does.
    """
    course = Course(load_timeout_s=load_timeout_s, drain_s=drain_s)
    parent = _Parent(command, printer, errors)
    with _Signals(parent.happened):
        parent.carry_out(course.begin(time.monotonic()))
        watcher = Watcher(watched, lambda files: parent.happened.put(Changed(tuple(files))))
        watcher.start()
        try:
            return parent.run(course)
        finally:
            parent.kill_all()
            watcher.stop()


class _Parent:
    def __init__(self, command: WorkerCommand, printer: Printer, errors: Printer) -> None:
        self.happened: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._command = command
        self._printer, self._errors = printer, errors
        self._workers: dict[int, WorkerProcess] = {}

    def run(self, course: Course) -> int:
        while True:
            happening = self._next(course.deadline())
            code = self.carry_out(course.on(happening, time.monotonic()))
            if code is not None:
                return code

    def carry_out(self, steps: list[Step]) -> int | None:
        for step in steps:
            match step:
                case Spawn():
                    self._workers[step.worker] = WorkerProcess(step.worker, self._command, self.happened.put)
                case Order():
                    self._workers[step.worker].order(step.order)
                case Kill():
                    self._workers[step.worker].kill()
                case Say():
                    self._say(step)
                case End():
                    return step.code
        return None

    def _say(self, step: Say) -> None:
        if step.is_final:
            self._errors.say(step.text, step.tone, stamped=False)
        else:
            self._printer.say(step.text, step.tone)

    def kill_all(self) -> None:
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.join(KILLED_S)

    def _next(self, deadline: float | None) -> Happening:
        if deadline is None:
            return self.happened.get()
        try:
            return self.happened.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return Overdue()


class _Signals:
    """Turns signals into happenings. ``SimpleQueue.put`` is the one that may be called in a handler.

    Leaving does not bring the old handlers back: the process ends, with a code that one more signal must not change.
    """

    def __init__(self, happened: "queue.SimpleQueue[Happening]") -> None:
        self._happened = happened

    def __enter__(self) -> None:
        self._handle(self._on_signal)

    def __exit__(self, *_: object) -> None:
        self._handle(signal.SIG_IGN)

    def _handle(self, handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._happened.put(Interrupted())
