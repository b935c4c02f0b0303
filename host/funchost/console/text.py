"""Entries as lines for a person: a grey UTC stamp, then the message in the colour of its level."""

from funchost.console.line import DEBUG, ERROR, INFORMATION, WARNING, Entry, LogLine, Printed, Tone
from funchost.console.stamp import utc_stamp

__all__ = ["render_text"]

# The colours of the reference host's console (.NET names: Red, DarkYellow, DarkCyan, DarkGreen, ...).
_RED, _DARK_YELLOW, _DARK_CYAN, _DARK_GREEN, _DARK_GREY, _YELLOW, _CYAN = 91, 33, 36, 32, 90, 93, 96

_TONES = {
    Tone.FAINT: _DARK_GREY,
    Tone.HEADING: _DARK_YELLOW,
    Tone.NAME: _YELLOW,
    Tone.URL: _DARK_GREEN,
    Tone.HINT: _CYAN,
    Tone.WARNING: _DARK_YELLOW,
    Tone.ERROR: _RED,
}


def render_text(entry: Entry, *, colour: bool) -> str:
    """``entry`` with its line end. Prints of user code are passed on as they are."""
    if isinstance(entry, LogLine):
        return _log_line(entry, colour)
    if isinstance(entry, Printed):
        return entry.text
    body = "".join(_paint(span.text, _TONES.get(span.tone), colour) for span in entry.spans)
    return f"{_stamp(entry.time_ns, colour) if entry.stamped else ''}{body}\n"


def _log_line(line: LogLine, colour: bool) -> str:
    text = line.text if line.exception is None else f"{line.text}\n{line.exception}"
    is_single = "\n" not in text and "\r" not in text
    if is_single and not colour:
        return f"[{utc_stamp(line.time_ns)}] {text}\n"
    stamp, code = _stamp(line.time_ns, colour), _level_colour(line.level)
    if is_single:
        return f"{stamp}{_paint(text, code, colour)}\n"
    return "".join(f"{stamp}{_paint(part, code, colour)}\n" for part in text.splitlines() or [""])


def _level_colour(level: int) -> int | None:
    if level > ERROR:
        return None
    if level >= ERROR:
        return _RED
    if level >= WARNING:
        return _DARK_YELLOW
    if level >= INFORMATION:
        return _DARK_CYAN
    return _DARK_GREEN if level <= DEBUG else _DARK_CYAN


def _stamp(time_ns: int, colour: bool) -> str:
    return _paint(f"[{utc_stamp(time_ns)}] ", _DARK_GREY, colour)


def _paint(text: str, code: int | None, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code is not None and text else text
