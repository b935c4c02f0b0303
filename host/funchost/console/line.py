"""What is written on the console, as values: records of loggers, prints of user code, notices of the host."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from funchost.invocation.current import Current

__all__ = ["CRITICAL", "DEBUG", "ERROR", "INFORMATION", "OFF", "TRACE", "WARNING", "Entry", "LogLine", "Notice"]
__all__ += ["Printed", "Span", "Tone", "level_name", "notice"]

# The numbers of the logging module, so that they compare with those of its records; this module is also
# used by the parent process, which has no loggers and starts faster without them.
TRACE = 5
DEBUG = 10
INFORMATION = 20
WARNING = 30
ERROR = 40
CRITICAL = 50
OFF = 100

_NAMES = (
    (CRITICAL, "Critical"),
    (ERROR, "Error"),
    (WARNING, "Warning"),
    (INFORMATION, "Information"),
    (DEBUG, "Debug"),
)


class Tone(Enum):
    """How a piece of a notice is meant; the text rendering turns it into a colour."""

    PLAIN = "plain"
    FAINT = "faint"
    HEADING = "heading"
    NAME = "name"
    URL = "url"
    HINT = "hint"
    WARNING = "warning"
    ERROR = "error"


@dataclass(slots=True)
class LogLine:
    """One record of a logger. ``time_ns`` is the Unix time; ``exception`` the formatted traceback.

    Not frozen as its neighbours are: there may be several for each step of an orchestration, and freezing
    triples what one costs.
    """

    time_ns: int
    level: int
    category: str
    text: str
    current: "Current | None" = None
    exception: str | None = None


@dataclass(frozen=True, slots=True)
class Printed:
    """What user code wrote to ``sys.stdout`` or ``sys.stderr``; ``text`` keeps its line ends."""

    time_ns: int
    text: str
    to_stderr: bool
    current: "Current | None" = None


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the host itself, shown whatever the filters say. ``stamped`` puts the time in front, as
    editors expect of the two lines they wait for."""

    time_ns: int
    spans: tuple[Span, ...]
    stamped: bool = False
    level: int = INFORMATION

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


Entry = LogLine | Printed | Notice


def notice(time_ns: int, text: str, tone: Tone = Tone.PLAIN, *, stamped: bool = False) -> Notice:
    """A notice of one tone; warnings and errors get that level."""
    level = {Tone.WARNING: WARNING, Tone.ERROR: ERROR}.get(tone, INFORMATION)
    return Notice(time_ns, (Span(text, tone),), stamped=stamped, level=level)


def level_name(level: int) -> str:
    """The reference host's name of a level of the logging module; numbers in between round down."""
    return next((name for bound, name in _NAMES if level >= bound), "Trace")
