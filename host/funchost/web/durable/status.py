"""One instance as the API shows it."""

from typing import Any

from funchost.durable.status import RuntimeStatus
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat
from funchost.taskhub import Instance
from funchost.web.durable.jsontext import stored_value

__all__ = ["status_code", "status_json"]


def status_json(instance: Instance, *, show_input: bool) -> dict[str, Any]:
    """All members but the history, in the order of the reference host; what it does not have comes after, and only
    where there is any."""
    members = {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status.value,
        "input": stored_value(instance.input) if show_input else None,
        "customStatus": stored_value(instance.custom_status),
        "output": stored_value(instance.output),
        "createdTime": _whole_seconds(instance.created),
        "lastUpdatedTime": _whole_seconds(instance.updated),
    }
    if instance.scheduled_start is not None:
        members["scheduledTime"] = _whole_seconds(instance.scheduled_start)
    if instance.tags:
        members["tags"] = dict(instance.tags)
    return members


def status_code(status: RuntimeStatus, *, failure_is_500: bool) -> int:
    """202 while it is open: such an answer also says where and when to ask again."""
    if not status.is_terminal:
        return 202
    return 500 if status is RuntimeStatus.FAILED and failure_is_500 else 200


def _whole_seconds(instant: Instant) -> str:
    return isoformat(Instant(instant - instant % TICKS_PER_SECOND))
