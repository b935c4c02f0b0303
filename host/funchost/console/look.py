"""How entries are rendered here: as text with or without colours, or as JSON."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from funchost.console.jsonlines import render_json
from funchost.console.line import Entry
from funchost.console.text import render_text

__all__ = ["Look"]


@dataclass(frozen=True, slots=True)
class Look:
    json: bool = False
    colour: bool = False

    @classmethod
    def of(cls, log_format: str, environ: Mapping[str, str], *, colours: bool = True, file: int = 1) -> "Look":
        """Colours only on a terminal, and not when NO_COLOR is set to anything (no-color.org)."""
        wanted = colours and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return cls(json=log_format == "json", colour=wanted and _is_terminal(file))

    def render(self, entry: Entry) -> str:
        return render_json(entry) if self.json else render_text(entry, colour=self.colour)


def _is_terminal(file: int) -> bool:
    try:
        return os.isatty(file)
    except OSError:
        return False
