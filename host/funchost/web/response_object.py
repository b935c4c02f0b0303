"""Text that describes a response: a JSON object with a ``body``, as older apps return it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ResponseObject", "parse_response_object"]


@dataclass(frozen=True, slots=True)
class ResponseObject:
    """``status`` is as the author gave it, not yet checked; ``cookies`` are values of Set-Cookie."""

    status: object
    headers: Mapping[str, str]
    cookies: Sequence[str]
    body: bytes


def parse_response_object(text: str) -> ResponseObject | None:
    """None for any text that is not a JSON object with the key ``body`` (keys ignore case).

    ``enableContentNegotiation`` is read past: a body that is not text is always written as JSON.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        return None
    fields: dict[str, Any] = {str(key).lower(): value for key, value in parsed.items()}
    if "body" not in fields:
        return None
    body, content_type = _encode(fields["body"])
    headers = {"content-type": content_type} | _headers(fields.get("headers"))
    status = fields.get("status", fields.get("statuscode"))
    return ResponseObject(200 if status is None else status, headers, _cookies(fields.get("cookies")), body)


def _encode(body: Any) -> tuple[bytes, str]:
    if body is None:
        return b"", "text/plain; charset=utf-8"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8"


def _headers(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    headers: dict[Any, Any] = given
    return {str(name).lower(): str(value) for name, value in headers.items() if value is not None}


def _cookies(given: Any) -> Sequence[str]:
    listed: list[Any] = given if isinstance(given, list) else []
    return [_cookie(one) for one in listed if isinstance(one, dict)]


_ATTRIBUTES = {"maxage": "max-age", "expires": "expires", "domain": "domain", "path": "path", "samesite": "samesite"}
_FLAGS = ("secure", "httponly")


def _cookie(given: dict[Any, Any]) -> str:
    fields = {str(key).lower(): value for key, value in given.items() if value is not None}
    parts = [f"{fields.get('name', '')}={fields.get('value', '')}"]
    parts += [f"{name}={fields[key]}" for key, name in _ATTRIBUTES.items() if key in fields]
    parts += [flag for flag in _FLAGS if fields.get(flag) is True]
    return "; ".join(parts)
