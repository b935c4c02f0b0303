"""Starts asked for by an output binding: what a function returned or set, before there were clients."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funchost.errors import InvalidArgument
from funchost.ids import InstanceId
from funchost.taskhub.client import HubClient

__all__ = ["StartRequest", "start_all", "start_requests"]


@dataclass(frozen=True, slots=True)
class StartRequest:
    """``input_text`` is JSON text."""

    function: str
    instance_id: str | None
    input_text: str | None


def start_requests(value: Any, encode: Callable[[Any], str] = json.dumps) -> list[StartRequest]:
    """One or an array of ``{"FunctionName", "InstanceId", "Input"}``, as values or as JSON text; member names
    in any case. ``encode`` makes an input text. Raises InvalidArgument."""
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidArgument(
                f"a start of an orchestration is a JSON object or an array of them: {error}"
            ) from error
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [_start_request(value, encode)]
    if isinstance(value, Sequence):
        return [request for item in value for request in start_requests(item, encode)]
    raise InvalidArgument(f"starts of orchestrations are objects or arrays of them, not {type(value).__name__}")


async def start_all(client: HubClient, requests: Sequence[StartRequest]) -> list[InstanceId]:
    """One after the other; what came before one that is refused stays started."""
    return [
        await client.start(request.function, instance_id=request.instance_id, input_text=request.input_text)
        for request in requests
    ]


def _start_request(item: Mapping[Any, Any], encode: Callable[[Any], str]) -> StartRequest:
    members = {str(name).lower(): member for name, member in item.items()}
    function, instance_id, given = members.get("functionname"), members.get("instanceid"), members.get("input")
    if not isinstance(function, str) or not function:
        raise InvalidArgument("a start of an orchestration needs a 'FunctionName'")
    return StartRequest(function, str(instance_id) if instance_id else None, None if given is None else encode(given))
