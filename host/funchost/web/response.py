"""From what user code returned to a response."""

import string
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import azure.functions as func
from azure.functions.meta import Datum

from funchost.app.spec import BindingSpec
from funchost.invocation.values import encoder
from funchost.web.asgi import Reply
from funchost.web.cookies import set_cookie_headers, set_cookie_values
from funchost.web.response_object import parse_response_object

__all__ = ["response_encoder"]

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
# The server decides how a body is framed; what user code says about that would contradict it.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_STATUSES = range(200, 600)
_LOCATIONS = frozenset({"location", "content-location"})
# What stays as it is when an address gets its other characters escaped: all that is ASCII, save for blanks.
_ASCII_OF_URIS = string.punctuation


def response_encoder(binding: BindingSpec) -> Callable[[Any], Reply]:
    """How values become responses; raises TypeError or ValueError for those that cannot."""
    to_datum = encoder(binding)

    def encode(value: Any) -> Reply:
        if type(value) is func.HttpResponse:
            return _from_response(value)
        return _from_datum(to_datum(value))

    return encode


def _from_response(response: func.HttpResponse) -> Reply:
    """The rules of the SDK's own converter for its own class, without the detour over structures.

    Asking werkzeug's headers for a name costs more than all the rest here, so they are walked once.
    """
    given: Any = response.headers
    headers, has_cookies = _encode_headers(dict(given.items()))
    if b"content-type" not in headers:
        headers[b"content-type"] = _default_content_type(response.mimetype, response.charset)
    cookies = set_cookie_values(given.get_all("Set-Cookie")) if has_cookies else ()
    return _reply(response.status_code, headers, cookies, response.get_body())


@lru_cache(maxsize=256)
def _default_content_type(mimetype: str, charset: str) -> bytes:
    return _header_value("Content-Type", f"{mimetype}; charset={charset}" if mimetype.startswith("text/") else mimetype)


def _from_datum(datum: Datum) -> Reply:
    if datum.type != "http":
        text = datum.value.decode() if isinstance(datum.value, bytes) else str(datum.value)
        return _from_text(text)
    value: Mapping[str, Any] = datum.value
    headers, _ = _encode_headers({name: header.value for name, header in value["headers"].items()})
    cookies = set_cookie_headers(value.get("cookies") or ())
    return _reply(value["status_code"].value, headers, cookies, value["body"].value)


def _from_text(text: str) -> Reply:
    described = parse_response_object(text)
    if described is None:
        return Reply(200, [_TEXT], text.encode())
    headers, _ = _encode_headers(described.headers)
    return _reply(described.status, headers, described.cookies, described.body)


def _encode_headers(headers: Mapping[str, object]) -> tuple[dict[bytes, bytes], bool]:
    """Without those that are not the app's to send, and whether cookies were among them.

    Names that differ in case only are one header: the first is kept.
    """
    encoded: dict[bytes, bytes] = {}
    has_cookies = False
    for name, value in headers.items():
        key = name.lower()
        if key == "set-cookie":
            has_cookies = True
        elif key not in _FRAMING:
            encoded.setdefault(key.encode("ascii"), _header_value(name, value))
    return encoded, has_cookies


def _reply(status: object, headers: Mapping[bytes, bytes], cookies: Iterable[str], body: bytes) -> Reply:
    encoded = list(headers.items())
    encoded += [(b"set-cookie", _header_value("Set-Cookie", one)) for one in cookies]
    return Reply(_status_code(status), encoded, body)


def _status_code(status: object) -> int:
    """From a number, or its text as responses that are carried as structures have it."""
    try:
        code = status if isinstance(status, int) else int(str(status))
    except ValueError:
        code = 0
    if code not in _STATUSES:
        raise ValueError(f"{status!r} is no status code of a response; it must be from 200 to 599")
    return code


def _header_value(name: str, value: object) -> bytes:
    text = str(value)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError(f"header {name!r} has a value with a line break")
    if name.lower() in _LOCATIONS and not text.isascii():
        # The links that the SDK builds hold the id of an instance as it is.
        text = quote(text, safe=_ASCII_OF_URIS)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise ValueError(f"header {name!r} has a value with {text[exc.start]!r}, which no header can carry") from exc
