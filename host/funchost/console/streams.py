"""``sys.stdout`` and ``sys.stderr`` of user code, in line with the log."""

import io
import sys
import threading
from typing import TextIO

from funchost.console.line import Printed
from funchost.console.stamp import now_ns
from funchost.console.writer import ConsoleWriter
from funchost.invocation.current import Current, current

__all__ = ["ConsoleStream"]

# The reference worker's way to send its own records through the console; libraries that detect it still do.
_SYSTEM_PREFIX = "LanguageWorkerConsoleLog"


class ConsoleStream(io.TextIOBase):
    """Passes whole lines to the writer, in order with log records, as user code printed them.

    A flush passes an unfinished line too (prompts of debuggers), unless ``whole_lines``: a JSON object
    cannot be begun twice. Anything about the terminal (``fileno``, ``isatty``, ``buffer``) is the original's.
    """

    def __init__(self, writer: ConsoleWriter, original: TextIO, *, to_stderr: bool, whole_lines: bool) -> None:
        self._writer = writer
        self._original = original
        self._to_stderr = to_stderr
        self._whole_lines = whole_lines
        self._begun = ""
        self._owner: Current | None = None
        # Threads print into the same line, as they do into a real stream; only the buffer needs guarding.
        self._lock = threading.RLock()

    def write(self, text: str, /) -> int:
        with self._lock:
            self._owner = current()
            done, newline, self._begun = (self._begun + text).rpartition("\n")
            if newline:
                self._pass_on(done + newline)
        return len(text)

    def flush(self) -> None:
        if self._whole_lines or not self._begun:
            return
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._pass_on(begun)

    def finish(self) -> None:
        """Pass on what was printed without a line end; for the end of the process."""
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._pass_on(begun + "\n")

    def _pass_on(self, text: str) -> None:
        if _SYSTEM_PREFIX in text:
            lines = text.splitlines(keepends=True)
            text = "".join(line for line in lines if not line.startswith(_SYSTEM_PREFIX))
        if text:
            self._writer.put(Printed(now_ns(), text, self._to_stderr, self._owner))

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._original.fileno()

    def isatty(self) -> bool:
        return self._original.isatty()

    @property
    def buffer(self) -> io.BufferedIOBase:
        return self._original.buffer  # type: ignore[return-value]

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._original.encoding or sys.getdefaultencoding()

    @property
    def errors(self) -> str:  # type: ignore[override]
        return self._original.errors or "backslashreplace"
