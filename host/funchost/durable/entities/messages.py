"""What goes to and from entities: events raised, whose input is one of the JSON objects below.

Member names, their order and their defaults are those of the .NET engine, so that its hosts read what is
written here and the other way round; members that are not known are ignored. ``input`` and ``result`` hold JSON
text inside a JSON string.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from funchost.durable.entities.ids import EntityKey
from funchost.durable.labels import checked_text
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant, isoformat, parse

__all__ = [
    "CONTINUE",
    "DECODING_ERRORS",
    "LOCK_ACQUIRED",
    "OPERATION",
    "ORPHANED_LOCK",
    "RELEASE",
    "UNLABELLED",
    "EntityMessageError",
    "LockRef",
    "Release",
    "Request",
    "Response",
    "failed",
    "operation_name",
    "read_release",
    "read_request",
    "read_response",
    "scheduled_operation",
    "signal_request",
    "succeeded",
]

OPERATION = "op"
"""Event name of a request; one with a due time is ``op@{time}``."""

RELEASE = "release"
CONTINUE = "continue"
"""An entity to itself: go on with the queue."""

DECODING_ERRORS = (ValueError, msgspec.DecodeError)
"""The second is no ValueError in earlier releases."""

LOCK_ACQUIRED = "Lock Acquisition Completed"

UNLABELLED = "0001-01-01T00:00:00"
"""The label of a request that has none."""

ORPHANED_LOCK = "fix-orphaned-lock"
"""The id of a release by those who clean up: it stands for whatever request the holder made."""


class EntityMessageError(ValueError):
    """A message to or from an entity that cannot be understood; it is nobody's state."""


class LockRef(msgspec.Struct, frozen=True, gc=False):
    """One member of a lock set, as it is written."""

    name: str
    key: str

    @property
    def entity(self) -> EntityKey:
        return EntityKey(self.name, self.key)


class Request(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An operation, or with a ``lockset`` the request to lock the entity at ``pos`` of it.

    ``id`` is the name of the event that answers. ``parent`` and ``parent_execution`` are whom to answer; a client
    has neither. ``timestamp`` and ``predecessor`` are the labels that put messages of one sender into their
    order where the hub does not; both are ISO text.
    """

    op: str | None
    signal: bool = False
    input: str | None = None
    id: str
    parent: InstanceId | None = None
    parent_execution: ExecutionId | None = msgspec.field(default=None, name="parentExecution")
    due: str | None = None
    timestamp: str = msgspec.field(default=UNLABELLED, name="Timestamp")
    predecessor: str = msgspec.field(default=UNLABELLED, name="Predecessor")
    lockset: Sequence[LockRef] | None = None
    pos: int = 0

    @property
    def is_lock(self) -> bool:
        return self.lockset is not None

    @property
    def wants_answer(self) -> bool:
        return not self.signal and self.parent is not None

    @property
    def due_at(self) -> Instant | None:
        return None if self.due is None else parse(self.due)

    def to_json(self) -> str:
        return _ENCODER.encode(self).decode()


class Release(msgspec.Struct, omit_defaults=True):
    """``id`` is that of the lock request."""

    parent: InstanceId
    id: str

    def to_json(self) -> str:
        return _ENCODER.encode(self).decode()


class Response(msgspec.Struct, frozen=True):
    """``result`` is JSON text; of a failure (``error``) the message is plain text instead."""

    result: str | None = None
    error: str | None = None


_ENCODER = msgspec.json.Encoder()
_REQUEST: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_RELEASE: msgspec.json.Decoder[Release] = msgspec.json.Decoder(Release)


def operation_name(given: Any) -> str:
    """As user code names it. Raises ValueError for what is no text that can be sent."""
    if not isinstance(given, str):
        raise ValueError(
            f"the operation of an entity is named by text, not by an object of type {type(given).__name__}"
        )
    return checked_text(given, "the operation of an entity")


def signal_request(
    operation: Any, input_text: str | None, *, request_id: str, parent: InstanceId | None = None, due: Instant | None
) -> Request:
    """``operation`` is as user code gives it, ``parent`` who sends it (None: a client). Raises as
    :func:`operation_name`."""
    return Request(
        op=operation_name(operation),
        signal=True,
        input=input_text,
        id=request_id,
        parent=parent,
        due=None if due is None else isoformat(due),
    )


def scheduled_operation(due: Instant) -> str:
    """The event name of a request that must not be seen before ``due``."""
    return f"{OPERATION}@{isoformat(due)}"


def read_request(text: str | None) -> Request:
    """Raises EntityMessageError."""
    try:
        request = _REQUEST.decode(text or "")
        request.due_at  # noqa: B018 - a due time that is none must be refused here, not where it is used
    except DECODING_ERRORS as exc:
        raise EntityMessageError(f"not a request to an entity: {exc}") from exc
    return request


def read_release(text: str | None) -> Release:
    """Raises EntityMessageError."""
    try:
        return _RELEASE.decode(text or "")
    except DECODING_ERRORS as exc:
        raise EntityMessageError(f"not a release of a lock: {exc}") from exc


def succeeded(result: str | None) -> str:
    """A response. ``exceptionType`` must be absent from it: readers look for the member, not for its value."""
    return json.dumps({"result": result})


def failed(message: str) -> str:
    """A response that tells an error both to engines that read ``result`` and to those that read ``failureDetails``."""
    details = {
        "ErrorType": "Exception",
        "ErrorMessage": message,
        "StackTrace": None,
        "InnerFailure": None,
        "IsNonRetriable": False,
    }
    return json.dumps({"result": json.dumps(message), "exceptionType": message, "failureDetails": details})


def read_response(text: str | None) -> Response:
    """Raises EntityMessageError."""
    try:
        members: Any = json.loads(text or "")
    except ValueError as exc:
        raise EntityMessageError(f"not a response of an entity: {exc}") from exc
    if not isinstance(members, dict):
        raise EntityMessageError(f"not a response of an entity: {text!r}")
    result = members.get("result")
    details = members.get("failureDetails")
    if members.get("exceptionType") is None and not details and not _reports_a_timeout(result):
        return Response(result if result is None or isinstance(result, str) else json.dumps(result))
    message = details.get("ErrorMessage") if isinstance(details, dict) else None
    if message is None:
        message = _plain(result) if result is not None else members.get("exceptionType")
    return Response(error=str(message))


def _reports_a_timeout(result: Any) -> bool:
    # The reference host puts this text, which is no JSON, where a result belongs, and no word of an exception.
    return isinstance(result, str) and result.startswith("Timeout value of")


def _plain(result: Any) -> str:
    """The error text of engines that write it as JSON text; a time-out is told as it is."""
    try:
        value = json.loads(result) if isinstance(result, str) else result
    except ValueError:
        return str(result)
    return value if isinstance(value, str) else json.dumps(value)
