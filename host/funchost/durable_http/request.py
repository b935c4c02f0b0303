"""A request as orchestrators ask for it, and as it stands in the input of the activity.

The names of the members are the protocol's, and their case does not count. A poll is a request like any
other: what is left to do of a call is stored in the same form as its beginning.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Self, TypeVar, cast

from yarl import URL

from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.headers import Headers, first, grouped
from funchost.timespan import format_timespan, parse_timespan

__all__ = ["HttpRequest", "TokenSource", "is_this_machine", "parse_request", "place", "stored_request"]

T = TypeVar("T")

_MANAGED_IDENTITY = "AzureManagedIdentity"


@dataclass(frozen=True, slots=True)
class TokenSource:
    """A managed identity, and the resource that its token is for. ``authority`` and ``tenant`` None: the usual ones."""

    resource: str
    authority: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``timeout`` None: the client's own. ``follows_202``: an answer 202 is not the last word.

    ``retry_on`` None: nobody tries again; no status is a failure. Empty: every status but 2xx is one.
    """

    method: str
    url: URL
    headers: Headers = ()
    content: str | None = None
    token: TokenSource | None = None
    timeout: timedelta | None = None
    follows_202: bool = True
    retry_on: frozenset[int] | None = None

    def header(self, name: str) -> str | None:
        return first(self.headers, name)

    def without(self, leaves: Callable[[str], bool]) -> Self:
        """Less the headers whose lower-case names ``leaves`` says go."""
        return replace(self, headers=tuple(pair for pair in self.headers if not leaves(pair[0].lower())))

    def with_bearer(self, token: str) -> Self:
        """With this token in place of whatever authorization it had."""
        bare = self.without(lambda name: name == "authorization")
        return replace(bare, headers=(*bare.headers, ("Authorization", f"Bearer {token}")))


def place(url: URL) -> str:
    """What of an address may be told: no query, which often holds a key, and no password."""
    port = "" if url.explicit_port is None else f":{url.explicit_port}"
    host = f"[{url.host}]" if ":" in (url.host or "") else url.host
    return f"{host}{port}{url.raw_path}"


def is_this_machine(url: URL) -> bool:
    """Whether the host is a loopback address by its name alone; nothing is looked up."""
    host = (url.host or "").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# --- from the input of the activity -------------------------------------------------------------------


def parse_request(argument: object) -> HttpRequest:
    """Raises RequestRefused for what is no request, or for one that is not supported."""
    given = _members(argument, "the request of call_http")
    request = HttpRequest(
        method=_of_type(given, "method", str, "GET").upper(),
        url=_url(_of_type(given, "uri", str, "")),
        headers=_headers(given.get("headers")),
        content=_of_type(given, "content", str, None),
        token=_token_source(given.get("tokensource")),
        timeout=_timeout(_of_type(given, "timeout", str, None)),
        follows_202=_of_type(given, "asynchronouspatternenabled", bool, True),
        retry_on=_statuses(given.get("retryoptions")),
    )
    if (request.header("content-type") or "").lower().lstrip().startswith("multipart/"):
        raise RequestRefused("Multipart content is not supported with CallHttpAsync.")
    return request


def stored_request(request: HttpRequest) -> str:
    """``request`` as the input of an activity that is not tried again."""
    stored: dict[str, Any] = {"method": request.method, "uri": str(request.url), "headers": grouped(request.headers)}
    if request.content is not None:
        stored["content"] = request.content
    if request.token is not None:
        stored["tokenSource"] = _stored_source(request.token)
    if request.timeout is not None:
        stored["timeout"] = format_timespan(request.timeout)
    if not request.follows_202:
        stored["asynchronousPatternEnabled"] = False
    return json.dumps([stored])


def _members(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise RequestRefused(f"{what} must be an object, but is {type(value).__name__}")
    return {str(name).lower(): member for name, member in cast(Mapping[Any, Any], value).items()}


def _of_type(given: Mapping[str, Any], name: str, kind: type[Any], default: T) -> T | Any:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise RequestRefused(f"{name} must be {kind.__name__}, but is {type(value).__name__}")
    return value


def _url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as exc:
        raise RequestRefused(f"the address cannot be read: {exc}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise RequestRefused("the address must be absolute and begin with http:// or https://")
    return url


def _headers(given: object) -> Headers:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise RequestRefused(f"headers must be an object, but is {type(given).__name__}")
    pairs = list[tuple[str, str]]()
    for name, value in cast(Mapping[Any, Any], given).items():
        pairs += [(str(name), str(each)) for each in (cast(list[Any], value) if isinstance(value, list) else [value])]
    return tuple(pairs)


def _token_source(given: object) -> TokenSource | None:
    if given is None:
        return None
    source = _members(given, "tokenSource")
    if source.get("kind", _MANAGED_IDENTITY) != _MANAGED_IDENTITY:
        raise RequestRefused(f"tokenSource is of kind {source['kind']!r}; there is {_MANAGED_IDENTITY!r} only")
    if not source.get("resource"):
        raise RequestRefused("tokenSource names no resource")
    options = _members(source.get("options") or {}, "tokenSource.options")
    return TokenSource(str(source["resource"]), options.get("authorityhost"), options.get("tenantid"))


def _stored_source(source: TokenSource) -> dict[str, Any]:
    stored: dict[str, Any] = {"resource": source.resource, "kind": _MANAGED_IDENTITY}
    options = {"authorityhost": source.authority, "tenantid": source.tenant}
    given = {name: value for name, value in options.items() if value is not None}
    return stored | {"options": given} if given else stored


def _timeout(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_timespan(text)
    except ValueError as exc:
        raise RequestRefused(f"timeout: {exc}") from None


def _statuses(given: object) -> frozenset[int] | None:
    if given is None:
        return None
    statuses = _members(given, "retryOptions").get("statuscodestoretry") or ()
    return frozenset(int(status) for status in statuses)
