"""Entries as JSON, one object a line, for programs that collect logs."""

import json
from typing import TYPE_CHECKING

from funchost.console.line import ERROR, INFORMATION, Entry, LogLine, Notice, Printed, level_name
from funchost.console.stamp import utc_stamp

if TYPE_CHECKING:
    from funchost.invocation.current import Current

__all__ = ["render_json"]

CONSOLE_CATEGORY = "Host.Function.Console"
NOTICE_CATEGORY = "Host.Startup"


def render_json(entry: Entry) -> str:
    """One line per record, notice or printed line; nothing for empty ones, which only space out text."""
    match entry:
        case LogLine():
            return _object(entry.time_ns, entry.level, entry.category, entry.text, entry.current, entry.exception)
        case Notice():
            text = entry.text.strip()
            return _object(entry.time_ns, entry.level, NOTICE_CATEGORY, text) if text else ""
        case Printed():
            level = ERROR if entry.to_stderr else INFORMATION
            lines = entry.text.splitlines()
            return "".join(_object(entry.time_ns, level, CONSOLE_CATEGORY, line, entry.current) for line in lines)


def _object(
    time_ns: int, level: int, category: str, text: str, current: "Current | None" = None, exception: str | None = None
) -> str:
    fields: dict[str, str] = {
        "time": utc_stamp(time_ns),
        "level": level_name(level),
        "category": category,
        "message": text,
    }
    if current is not None:
        if current.invocation_id:
            fields["invocationId"] = current.invocation_id
        fields["function"] = current.function
        if current.instance_id is not None:
            fields["instanceId"] = current.instance_id
    if exception is not None:
        fields["exception"] = exception
    return json.dumps(fields, ensure_ascii=False) + "\n"
