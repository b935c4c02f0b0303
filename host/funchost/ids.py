"""The identities that cross seams, so that one cannot be passed for another."""

from typing import NewType

__all__ = ["ExecutionId", "InstanceId", "WorkerId"]

InstanceId = NewType("InstanceId", str)
"""Names one orchestration for ever; case-sensitive. Entities: ``@name@key``."""

ExecutionId = NewType("ExecutionId", str)
"""One run of an instance, 32 hex digits; continue-as-new, restart and replacement draw a new one."""

WorkerId = NewType("WorkerId", str)
"""One process that works on a task hub, for the life of that process."""
