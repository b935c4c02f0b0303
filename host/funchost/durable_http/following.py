"""Where a call goes after an answer that is not its last: redirections, and the polling of what answered 202.

Headers that prove who is asking go no further than the origin that they were meant for.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from yarl import URL

from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.request import HttpRequest

__all__ = ["MOST_REDIRECTIONS", "poll_delay", "poll_request", "redirected"]

MOST_REDIRECTIONS = 50
"""As many as the HTTP client of .NET follows; the answer after that is the result."""

_LONGEST_DELAY = timedelta(days=7)
"""No store need keep work back for longer: the longest visibility timeout of Queue Storage."""

_PROOFS = frozenset({"authorization", "cookie", "proxy-authorization", "x-functions-key"})


def redirected(request: HttpRequest, status: int, location: str | None) -> HttpRequest | None:
    """The request to send next, None when the answer is the last.

    As in .NET: a POST becomes a GET, unless the status (307, 308) says to repeat it; from https nothing leads to
    http; an address that cannot be used makes the redirection the answer.
    """
    if status not in (300, 301, 302, 303, 307, 308) or location is None:
        return None
    target = _joined(request.url, location)
    if target is None or (request.url.scheme == "https" and target.scheme == "http"):
        return None
    following = _for_origin(replace(request, url=target), request.url)
    becomes_get = request.method not in ("GET", "HEAD") if status == 303 else request.method == "POST"
    if status in (307, 308) or not becomes_get:
        return following
    return replace(_without_content(following), method="GET")


def poll_request(request: HttpRequest, answered_by: URL, location: str | None) -> HttpRequest:
    """What asks the resource that a 202 named how far it is; nobody tries it again.

    ``location`` may be relative to the address that answered. Raises RequestRefused when there is none to poll.
    """
    target = None if location is None else _joined(answered_by, location)
    if target is None:
        problem = "has no Location to poll" if location is None else "has a Location that cannot be polled"
        raise RequestRefused(f"the answer 202 {problem}; with poll=False it is the result")
    # The key of one function is not meant for another, even of the same app.
    poll = _without_content(_for_origin(replace(request, url=target), request.url))
    poll = poll.without(lambda name: name == "x-functions-key")
    return replace(poll, method="GET", retry_on=None)


def poll_delay(retry_after: str | None, now: datetime, default: timedelta) -> timedelta:
    """How long ``Retry-After`` asks to wait: seconds or a date; ``default`` for what is neither."""
    if retry_after is None:
        return default
    if retry_after.strip().isdecimal():
        seconds = min(int(retry_after.strip()[:12]), _LONGEST_DELAY.total_seconds())
        return timedelta(seconds=seconds)
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return default
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta()), _LONGEST_DELAY)


def _joined(base: URL, location: str) -> URL | None:
    try:
        target = base.join(URL(location))
    except ValueError:
        return None
    return target if target.scheme in ("http", "https") and target.host else None


def _for_origin(request: HttpRequest, origin: URL) -> HttpRequest:
    """``request`` as it may be sent where it goes now, when it was meant for ``origin``."""
    url = request.url
    if (url.scheme, url.host, url.port) == (origin.scheme, origin.host, origin.port):
        return request
    return replace(request.without(lambda name: name in _PROOFS or name == "host"), token=None)


def _without_content(request: HttpRequest) -> HttpRequest:
    return replace(request.without(lambda name: name.startswith("content-")), content=None)
