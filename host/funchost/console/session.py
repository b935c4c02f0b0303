"""The console of a process that runs user code."""

import logging
import sys
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from funchost.console.filters import Filter
from funchost.console.line import DEBUG, Notice, Tone, notice
from funchost.console.look import Look
from funchost.console.records import ConsoleHandler
from funchost.console.stamp import now_ns
from funchost.console.streams import ConsoleStream
from funchost.console.writer import ConsoleWriter

__all__ = ["Console"]


class Console:
    """A lifetime: inside it, loggers, ``print`` and notices come out in order through one thread.

    ``levels`` as :func:`funchost.console.filters.parse_levels` returns them. ``debug_logging`` lets the root
    logger produce records below Information, which are shown where ``levels`` says so.
    """

    def __init__(
        self,
        look: Look,
        *,
        verbose: bool = False,
        levels: Mapping[str, int] | None = None,
        debug_logging: bool = True,
    ) -> None:
        shown = Filter(levels, verbose=verbose)
        self._writer = ConsoleWriter(look.render)
        self._handler = ConsoleHandler(self._writer, shown)
        # Records that no rule shows are not even made: third-party libraries debug-log in their inner loops.
        self._root_level = DEBUG if debug_logging and shown.lowest() < logging.INFO else logging.INFO
        self._function_level = shown.lowest_for_functions()
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._streams = (
            ConsoleStream(self._writer, self._stdout, to_stderr=False, whole_lines=look.json),
            ConsoleStream(self._writer, self._stderr, to_stderr=True, whole_lines=look.json),
        )

    def __enter__(self) -> Self:
        self._stdout.flush()
        self._stderr.flush()
        self._writer.start()
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(self._root_level)
        # And a line for each invocation costs more than a fast function: not one is made to be thrown away.
        logging.getLogger("Function").setLevel(max(self._root_level, self._function_level))
        sys.stdout, sys.stderr = self._streams
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout, sys.stderr = self._stdout, self._stderr
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger("Function").setLevel(logging.NOTSET)
        for stream in self._streams:
            stream.finish()
        self._writer.close()

    def show(self, notices: Iterable[Notice]) -> None:
        """In the given order, whatever the filters say."""
        for shown in notices:
            self._writer.put(shown)

    def say(self, text: str, tone: Tone = Tone.PLAIN, *, stamped: bool = True) -> None:
        """One notice; each line of ``text`` gets a stamp of its own."""
        self.show(notice(now_ns(), line, tone, stamped=stamped) for line in text.splitlines() or [""])
