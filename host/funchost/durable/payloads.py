"""What user values look like in the history, and back.

The SDK serialises a value to JSON text; the protocol then carries that text as a JSON *string*, so that most
inputs are JSON inside JSON. One rule reads them all: parse the stored text once; if that gives text, it is
the second layer (or plain text, when it is not JSON); any other value is the input itself, as a plain
HTTP caller sent it.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any, cast

from funchost.durable import sdk
from funchost.durable.failures import EngineFailure
from funchost.durable.unserialisable import naming_part

__all__ = [
    "PayloadError",
    "activity_argument",
    "activity_input",
    "decode",
    "decode_input",
    "encode",
    "encode_plain",
    "input_text",
    "stored_input",
    "wrap",
]


_scan = cast(Any, json.JSONDecoder()).scan_once


class PayloadError(EngineFailure):
    """Stored data cannot be decoded."""


def encode(value: Any, what: str = "input") -> str:
    """The SDK's JSON text of ``value``. Raises TypeError for what it cannot serialise, ValueError for a circle;
    ``what`` begins the path to the part that is to blame.

    Scalars, by far the most frequent, skip the codec: their text is the same in every release and mode.
    """
    kind = value.__class__
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int:
        return int.__repr__(value)
    if value is None:
        return "null"
    return _dumped(value, sdk.dumps, what)


def encode_plain(value: Any) -> str | None:
    """An orchestrator's output: plain JSON without custom objects, None for no output. Raises as :func:`encode`."""
    if value is None:
        return None
    kind = value.__class__
    if kind is str:
        return encode_basestring_ascii(value)
    return _dumped(value, json.dumps, "output")


def _dumped(value: Any, dumps: Callable[[Any], str], what: str) -> str:
    # No context manager: this is done for each payload of each step.
    try:
        return dumps(value)
    except (TypeError, ValueError) as exc:
        if (named := naming_part(exc, value, dumps, what)) is None:
            raise
        raise named from exc


def decode(text: str | None, expected_type: type | None = None) -> Any:
    """The value of JSON text, a fresh object each time; None for None.

    Raises whatever the codec or the author's ``from_json`` raises.
    """
    if text is None:
        return None
    if "{" not in text:
        # No object inside: nothing that the codec would revive, and nothing to tell about a type that fits.
        value = _parse(text)
        if expected_type is None or _is_plainly(value, expected_type):
            return value
    return sdk.loads(text, expected_type=expected_type) if expected_type is not None else sdk.loads(text)


def _parse(text: str) -> Any:
    """``json.loads`` without the steps that only matter for text with blanks around it."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        value, end = None, -1
    return value if end == len(text) else json.loads(text)


def _is_plainly(value: Any, expected_type: type) -> bool:
    try:
        return isinstance(value, expected_type)
    except TypeError:
        return False  # a generic alias: the codec knows what to do with it


def wrap(text: str) -> str:
    """JSON text as a JSON string: the outer layer of start, child and continue-as-new inputs."""
    return encode_basestring_ascii(text)


def stored_input(value: Any) -> str:
    """The input of an orchestrator or an operation, as :func:`decode_input` reads it. Raises as :func:`encode`."""
    return wrap(encode(value))


def decode_input(stored: str | None, expected_type: type | None = None) -> Any:
    """The input of an orchestrator or entity from what is stored."""
    if stored is None:
        return None
    if not stored.startswith('"'):
        return decode(stored, expected_type)
    inner = json.loads(stored)
    try:
        return decode(inner, expected_type)
    except json.JSONDecodeError:
        return inner


def input_text(stored: str | None) -> str | None:
    """The text that :func:`decode_input` reads: without the outer layer, where there is one."""
    if stored is None or not stored.startswith('"'):
        return stored
    inner: str = json.loads(stored)
    return inner


def activity_input(text: str) -> str:
    """What an activity's request carries: an array of the one argument."""
    return f"[{encode_basestring_ascii(text)}]"


def activity_argument(stored: str | None) -> Any:
    """The argument of an activity from its request.

    Text that is not JSON is the argument itself; any other decoding error is a ValueError.
    """
    if stored is None:
        return None
    elements = json.loads(stored)
    if not isinstance(elements, list) or len(elements) != 1:
        return decode(stored)
    element = elements[0]
    if element is None:
        return None
    if not isinstance(element, str):
        return decode(json.dumps(element))
    try:
        return decode(element)
    except json.JSONDecodeError:
        return element
    except Exception as exc:
        raise ValueError(f"activity trigger input must be a string or a valid json serializable ({exc})") from exc
