"""Requests and answers of the durable HTTP API as values, and the shapes of its refusals.

The texts, misspellings included, are wire literals: clients match on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funchost.errors import InstanceExists, InstanceGone, InstanceNotFound, InvalidArgument, InvalidOperation
from funchost.web.durable.jsontext import InvalidJson, encode
from funchost.web.durable.links import Door
from funchost.web.durable.query import QueryParameters

__all__ = ["ApiRequest", "ApiResponse", "BadMessage", "empty", "json_answer", "refusal"]

ARGUMENT_ERROR = "One or more of the arguments submitted is incorrect"
RESTART_ARGUMENT_ERROR = "InstanceId does not match a valid orchestration instance."
_JSON_ERROR = "Invalid JSON content"
_ANY_OTHER_ERROR = "Something went wrong while processing your request"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. ``path`` is what follows the base, still percent-encoded; ``uri`` is the whole of it,
    as the caller sent it; header names are lower-case."""

    method: str
    path: str
    door: Door
    uri: str
    query: QueryParameters = field(default_factory=QueryParameters)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """``body`` is JSON or empty."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class BadMessage(InvalidArgument):
    """Refused with the short body, which has nothing but a message."""


def empty(status: int) -> ApiResponse:
    return ApiResponse(status)


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> ApiResponse:
    return ApiResponse(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, encode(value))


def refusal(error: Exception, *, argument_error: str = ARGUMENT_ERROR) -> ApiResponse:
    """What a caller is told about ``error``; ``argument_error`` introduces the errors of arguments."""
    match error:
        case InstanceNotFound():
            return empty(404)
        case InstanceGone():
            return empty(410)
        case BadMessage():
            return json_answer(400, {"Message": str(error)})
        case InvalidJson():
            return _fault(400, _JSON_ERROR, error, "Newtonsoft.Json.JsonReaderException")
        case InvalidArgument():
            return _fault(400, argument_error, error, "System.ArgumentException")
        case InstanceExists():
            kind = "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException"
            return _fault(500, _ANY_OTHER_ERROR, error, kind)
        case InvalidOperation():
            return _fault(500, _ANY_OTHER_ERROR, error, "System.InvalidOperationException")
        case _:
            return _fault(500, _ANY_OTHER_ERROR, error, type(error).__name__)


def _fault(status: int, message: str, error: Exception, kind: str) -> ApiResponse:
    body = {"Message": message, "ExceptionMessage": str(error), "ExceptionType": kind, "StackTrace": None}
    return json_answer(status, body)
