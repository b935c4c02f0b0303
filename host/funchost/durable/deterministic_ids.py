"""Ids that come out the same on every replay. The derivations are the SDK's, so that a history begun under
the official host continues with the same ids."""

from datetime import datetime
from uuid import NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

from funchost.ids import ExecutionId, InstanceId

__all__ = ["child_execution_id", "new_guid", "new_uuid", "request_id"]

_NAMESPACE = uuid5(NAMESPACE_OID, "9e952958-5e33-4daf-827f-2fa12937b875")


def new_uuid(instance_id: InstanceId, now: datetime, counter: int) -> str:
    return str(uuid5(_NAMESPACE, f"{instance_id}_{now.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}_{counter}"))


def new_guid(instance_id: InstanceId, now: datetime, counter: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"{instance_id}_{now}_{counter}")


def child_execution_id(parent: ExecutionId, task_id: int) -> ExecutionId:
    """One call of a sub-orchestrator always starts the same execution, so that a repeated start is recognised."""
    return ExecutionId(uuid5(_NAMESPACE, f"{parent}:{task_id}").hex)


def request_id(execution: ExecutionId, number: int) -> str:
    """Names the request to an entity that an execution makes under ``number``, and the event that answers it."""
    return str(uuid5(_NAMESPACE, f"{execution}:{number}"))
