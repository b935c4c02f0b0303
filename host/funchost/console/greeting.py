"""What a start says before it knows the app, and after."""

from funchost.console.line import Notice, Tone, notice

__all__ = ["banner", "blank", "hint"]


def blank(time_ns: int) -> Notice:
    return notice(time_ns, "")


def banner(time_ns: int, *, version: str, python: str) -> list[Notice]:
    """The first lines, before anything that can take time."""
    return [
        blank(time_ns),
        notice(time_ns, f"funchost {version} (Python {python})", Tone.FAINT),
        blank(time_ns),
    ]


def hint(time_ns: int) -> Notice:
    return notice(time_ns, "For detailed output, run funchost with --verbose flag.", Tone.HINT)
