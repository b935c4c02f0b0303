"""From records of the logging module to console lines."""

import logging
import traceback

from funchost.console.filters import Filter
from funchost.console.line import LogLine
from funchost.console.writer import ConsoleWriter
from funchost.invocation.current import Current, current

__all__ = ["ConsoleHandler"]

_FUNCTION = "Function."
# How the lines begin that tell, once for each, what became of an invocation, an orchestration and a batch.
_SUMMARIES = ("Executed ", "Orchestration ", "Entity ")
_UNREADABLE = "<the message could not be formatted: {type}>"


class ConsoleHandler(logging.Handler):
    """Put on the root logger. Filters, labels with the running invocation, and hands over to the writer.

    The text is made here and not by the writer: arguments may change after the call, and an object's
    ``__str__`` belongs on the thread that logged it.
    """

    def __init__(self, writer: ConsoleWriter, shown: Filter) -> None:
        super().__init__()
        self._writer = writer
        self._shown = shown

    def createLock(self) -> None:  # noqa: N802 - the name is the logging module's
        # The writer's queue is safe from any thread, so records need not wait for each other.
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock that handlers take for each record.
        if self.filters and not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        label = _own_label(record) or current()
        function = None if label is None else label.function
        if not self._shown.shows(record.name, record.levelno, function=function, summary=_is_summary(record)):
            return
        time_ns = int(record.created * 1e9)
        line = LogLine(time_ns, record.levelno, record.name, _message(record), label, _exception(record))
        self._writer.put(line)


def _own_label(record: logging.LogRecord) -> Current | None:
    """What the host says about an invocation or an instance carries the facts itself: it may say so on the
    thread of another."""
    if not record.name.startswith(_FUNCTION):
        return None
    facts = record.__dict__
    invocation_id, instance_id = facts.get("invocation_id"), facts.get("instance_id")
    if invocation_id is None and instance_id is None:
        return None
    return Current(record.name.removeprefix(_FUNCTION), invocation_id or "", instance_id)


def _is_summary(record: logging.LogRecord) -> bool:
    return record.name.startswith(_FUNCTION) and str(record.msg).startswith(_SUMMARIES)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as problem:  # noqa: BLE001 - user objects run here; a bad log call must not fail the invocation
        return f"{record.msg!s} {_UNREADABLE.format(type=type(problem).__name__)}"


def _exception(record: logging.LogRecord) -> str | None:
    parts: list[str] = []
    if record.exc_info and record.exc_info[1] is not None:
        try:
            parts.extend(traceback.format_exception(*record.exc_info))
        except Exception as problem:  # noqa: BLE001 - an exception's own __str__ may raise
            parts.append(_UNREADABLE.format(type=type(problem).__name__))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "".join(parts).rstrip("\n") if parts else None
