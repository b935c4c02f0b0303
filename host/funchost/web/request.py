"""A request as user code sees it."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from azure.functions.http import HttpRequest
from azure.functions.meta import Datum

from funchost.invocation.invocation import Trace
from funchost.web.asgi import Scope

__all__ = ["binding_data", "decoded_path", "header_map", "make_request", "trace_of"]


def decoded_path(scope: Scope) -> str:
    """The path without its first slash, decoded once. An encoded slash stays as it came: it separates nothing."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None or b"%" not in raw:
        path: str = scope["path"]
        return path[1:]
    pieces: list[str] = []
    text = raw.decode("latin-1").removeprefix("/")
    while (at := text.lower().find("%2f")) >= 0:
        pieces += [_unquote(text[:at]), text[at : at + 3]]
        text = text[at + 3 :]
    return "".join([*pieces, _unquote(text)])


def _unquote(text: str) -> str:
    """What is not UTF-8 once decoded stays encoded."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def header_map(scope: Scope) -> dict[str, str]:
    """Names in lower case, repeats joined with a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1")
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _query(scope: Scope) -> dict[str, str]:
    """Repeats joined with a comma; names are compared ignoring case and keep their first spelling. Empty
    values are left out, as the reference host does."""
    raw: bytes = scope["query_string"]
    if not raw:
        return {}
    spelling: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), errors="replace"):
        key = spelling.setdefault(name.lower(), name)
        values[key] = f"{values[key]},{value}" if key in values else value
    return values


def _url(scope: Scope, headers: Mapping[str, str]) -> str:
    host = headers.get("host")
    if host is None:
        server = scope.get("server") or ("localhost", 80)
        host = server[0] if server[1] in (None, 80) else f"{server[0]}:{server[1]}"
    path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query: bytes = scope["query_string"]
    return f"{scope['scheme']}://{host}{path}{'?' + query.decode('latin-1') if query else ''}"


def _make_directly(scope: Scope, headers: Mapping[str, str], values: Mapping[str, str], body: bytes) -> HttpRequest:
    return HttpRequest(
        method=scope["method"],
        url=_url(scope, headers),
        headers=headers,
        params=_query(scope),
        route_params=values,
        body_type="bytes",
        body=body,
    )


def _make_by_converter(scope: Scope, headers: Mapping[str, str], values: Mapping[str, str], body: bytes) -> Any:
    from azure.functions.http import HttpRequestConverter

    datum = Datum(
        {
            "method": Datum(scope["method"], "string"),
            "url": Datum(_url(scope, headers), "string"),
            "headers": _texts(headers),
            "query": _texts(_query(scope)),
            "params": _texts(values),
            "body": Datum(body, "bytes"),
        },
        "http",
    )
    return HttpRequestConverter.decode(datum, trigger_metadata={})


def _texts(values: Mapping[str, str]) -> Mapping[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


_KNOWN = {"self", "method", "url", "headers", "params", "route_params", "body_type", "body"}

make_request: Callable[[Scope, Mapping[str, str], Mapping[str, str], bytes], Any] = (
    _make_directly if set(inspect.signature(HttpRequest.__init__).parameters) == _KNOWN else _make_by_converter
)
"""The request object from scope, header map, route values and body; built without a detour when the SDK's
class takes what it is known to take."""


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    parent = headers.get("traceparent")
    return None if parent is None else Trace(parent, headers.get("tracestate", ""))


def binding_data(request: Any) -> Mapping[str, Any]:
    """What ``{expressions}`` of other bindings may name: body properties, over them the query, over it the route.

    The key that authorised the call, ``code``, is not among them.
    """
    data: dict[str, Any] = _properties(request.get_body())
    data |= {name: value for name, value in request.params.items() if name.lower() != "code"}
    data |= request.route_params
    return data | {"Query": dict(request.params), "Headers": dict(request.headers)}


def _properties(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        return {}
    return parsed
