"""One change in the life of an orchestration, as a topic of Event Grid is told of it."""

import json
import uuid
from dataclasses import dataclass

from funchost.clock import new_guid
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat

__all__ = ["Notification", "event_body"]


@dataclass(frozen=True, slots=True)
class Notification:
    """``at`` is when it became known, ``function`` the orchestrator's name."""

    hub: str
    function: str
    instance: InstanceId
    status: RuntimeStatus
    reason: str
    at: Instant


def event_body(notification: Notification) -> bytes:
    """The JSON of a request: one event, with an id that is drawn here."""
    event = {
        "id": str(uuid.UUID(new_guid())),
        "topic": None,
        "subject": f"durable/orchestrator/{notification.status.value}",
        "data": {
            "hubName": notification.hub,
            "functionName": notification.function,
            "instanceId": notification.instance,
            "reason": notification.reason,
            "runtimeStatus": notification.status.value,
        },
        "eventType": "orchestratorEvent",
        "eventTime": _in_ticks(notification.at),
        "metadataVersion": None,
        "dataVersion": "1.0",
    }
    return json.dumps([event], separators=(",", ":")).encode()


def _in_ticks(instant: Instant) -> str:
    """With all seven digits of a fraction."""
    ticks = instant % TICKS_PER_SECOND
    return f"{isoformat(Instant(instant - ticks)).removesuffix('Z')}.{ticks:07d}Z"
