"""JSON as it is stored (text), as it is shown (values), and as it comes in (bytes)."""

import json
import math
from typing import Any

from funchost.errors import InvalidArgument

__all__ = ["InvalidJson", "body_text", "encode", "once_decoded", "stored_value"]


class InvalidJson(InvalidArgument):
    """A body is not JSON; the message is the parser's."""


def stored_value(text: str | None) -> Any:
    """What a stored text shows as: the JSON value it holds, else the text itself.

    So a failure's text appears as a string, and a termination whose reason was ``123`` as a number.
    """
    if text is None:
        return None
    if not text.strip():
        return ""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def body_text(body: bytes) -> str | None:
    """The JSON text to store for a request's body, compact and otherwise as it came; None for a blank body.

    A string stays a string, also when it holds JSON itself. Raises InvalidJson.
    """
    text = body.decode("utf-8-sig", "replace")
    if not text.strip():
        return None
    try:
        value = json.loads(text)
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except ValueError as error:
        raise InvalidJson(str(error)) from error
    except RecursionError as error:
        raise InvalidJson("The value is nested too deeply.") from error
    return compact if _is_storable(compact) else json.dumps(value, separators=(",", ":"))


def once_decoded(text: str) -> str:
    """The JSON text that the JSON string ``text`` holds; ``text`` when it is another value, or holds no JSON."""
    value = json.loads(text)
    if not isinstance(value, str):
        return text
    try:
        return body_text(value.encode()) or text
    except ValueError:
        return text


def encode(value: Any) -> bytes:
    """Compact UTF-8 that any JSON parser takes: NaN and the infinities become strings, as in the reference host."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode() if _is_storable(text) else json.dumps(json.loads(text), separators=(",", ":")).encode()


def _is_storable(text: str) -> bool:
    """False for lone surrogates, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: Any) -> Any:
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
        case _:
            return value
