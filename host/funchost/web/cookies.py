"""``Set-Cookie`` headers of user code, taken apart and written again.

The reference host carries cookies as structures, so a header that is no cookie disappears, and one with an
expiry that is no date fails the response.
"""

from collections.abc import Iterable
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from http.cookies import CookieError, Morsel, SimpleCookie

__all__ = ["set_cookie_headers", "set_cookie_values"]

_TEXT_ATTRIBUTES = ("max-age", "domain", "path", "samesite")
_FLAGS = ("secure", "httponly")


def set_cookie_values(headers: Iterable[str]) -> list[str]:
    """One value a cookie; malformed headers are left out. Raises ValueError for an expiry that is no date."""
    cookies: list[SimpleCookie] = []
    for header in headers:
        try:
            cookies.append(SimpleCookie(header))
        except CookieError:
            continue
    return set_cookie_headers(cookies)


def set_cookie_headers(cookies: Iterable[SimpleCookie]) -> list[str]:
    """The same for cookies that are parsed already."""
    return [_value(morsel) for cookie in cookies for morsel in cookie.values()]


def _value(morsel: "Morsel[str]") -> str:
    parts = [f"{morsel.key}={morsel.coded_value}"]
    if morsel["expires"]:
        parts.append(f"expires={_date(morsel.key, morsel['expires'])}")
    parts += [f"{name}={morsel[name]}" for name in _TEXT_ATTRIBUTES if morsel[name]]
    parts += [name for name in _FLAGS if morsel[name]]
    return "; ".join(parts)


def _date(name: str, text: str) -> str:
    try:
        return format_datetime(parsedate_to_datetime(text).astimezone(UTC), usegmt=True)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"cookie {name!r} has an Expires value that is no date: {text!r}") from exc
