"""Notices of a process that has no user code in it: rendered and written on the spot."""

import os
import sys
from collections.abc import Iterable

from funchost.console.line import Notice, Tone, notice
from funchost.console.look import Look
from funchost.console.stamp import now_ns

__all__ = ["Printer"]


class Printer:
    """Writes to ``file``, a descriptor, one write per call: lines of two processes do not mix."""

    def __init__(self, look: Look, file: int = 1) -> None:
        self._look = look
        self._file = file

    def show(self, notices: Iterable[Notice]) -> None:
        text = "".join(self._look.render(shown) for shown in notices)
        try:
            os.write(self._file, text.encode(sys.getdefaultencoding(), errors="backslashreplace"))
        except OSError:
            # As in a terminal that was closed: there is nobody left to tell.
            return

    def say(self, text: str, tone: Tone = Tone.PLAIN, *, stamped: bool = True) -> None:
        """One notice; each line of ``text`` gets a stamp of its own."""
        self.show(notice(now_ns(), line, tone, stamped=stamped) for line in text.splitlines() or [""])
