"""The functions of an app with their addresses, and what is wrong with the others."""

from collections.abc import Iterable, Sequence

from funchost.app.spec import FunctionApp, FunctionSpec
from funchost.console.greeting import blank
from funchost.console.line import WARNING, Notice, Span, Tone, notice

__all__ = ["function_list", "loopback_url"]


def loopback_url(address: str, port: int) -> str:
    """The address a person opens: ``localhost`` wherever the server is reached by it."""
    if address in ("", "0.0.0.0", "::", "127.0.0.1", "::1"):
        return f"http://localhost:{port}"
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def function_list(time_ns: int, app: FunctionApp, *, url: str, route_prefix: str) -> list[Notice]:
    """HTTP functions with methods and URLs first, then the others with their trigger, then what does not run.

    ``url`` is without a path and ``route_prefix`` without slashes, possibly empty.
    """
    running = [f for f in app.functions if f.runs]
    http = [f for f in running if f.trigger.kind == "httptrigger"]
    others = [f for f in running if f.trigger.kind != "httptrigger"]
    idle = [f for f in app.functions if not f.runs]
    lines = [
        *(_http_line(time_ns, f, url, route_prefix) for f in http),
        *(_other_line(time_ns, f) for f in others),
        *(_idle_line(time_ns, f) for f in idle),
    ]
    if not lines:
        text = "No functions found. See the lines above for files that could not be used."
        return [notice(time_ns, text, Tone.WARNING), blank(time_ns)]
    return [notice(time_ns, "Functions:", Tone.HEADING), blank(time_ns), *_spaced(time_ns, lines)]


def _http_line(time_ns: int, function: FunctionSpec, url: str, route_prefix: str) -> Notice:
    methods = _methods(function.trigger.get("methods"))
    given = function.trigger.get("route")
    route = function.name if given is None else str(given).strip("/")  # an empty route is the prefix itself
    path = "/".join(part for part in (route_prefix.strip("/"), route) if part)
    return _line(
        time_ns, Span(f"\t{function.name}:", Tone.HEADING), Span(f" {methods}"), Span(f"{url}/{path}", Tone.URL)
    )


def _methods(listed: Sequence[str] | None) -> str:
    """``[GET,POST] ``, or nothing when every method is answered."""
    return f"[{','.join(str(method).upper() for method in listed)}] " if listed else ""


def _other_line(time_ns: int, function: FunctionSpec) -> Notice:
    return _line(time_ns, Span(f"\t{function.name}:", Tone.NAME), Span(f" {function.trigger.type}"))


def _idle_line(time_ns: int, function: FunctionSpec) -> Notice:
    text = f"\t{function.name}: disabled" if function.problem is None else f"\t{function.name}: {function.problem}"
    return Notice(time_ns, (Span(text, Tone.WARNING),), level=WARNING)


def _line(time_ns: int, *spans: Span) -> Notice:
    return Notice(time_ns, spans)


def _spaced(time_ns: int, lines: Iterable[Notice]) -> list[Notice]:
    return [notice for line in lines for notice in (line, blank(time_ns))]
