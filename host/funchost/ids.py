"""The identities that cross seams, so that one cannot be passed for another."""

import unicodedata
from typing import NewType

from funchost.errors import InvalidArgument

__all__ = ["LONGEST_INSTANCE_ID", "ExecutionId", "InstanceId", "WorkerId", "illegal_in_ids", "instance_id_of"]

LONGEST_INSTANCE_ID = 256

InstanceId = NewType("InstanceId", str)
"""Names one orchestration for ever; case-sensitive. Entities: ``@name@key``."""

ExecutionId = NewType("ExecutionId", str)
"""One run of an instance, 32 hex digits; continue-as-new, restart and replacement draw a new one."""

WorkerId = NewType("WorkerId", str)
"""One process that works on a task hub, for the life of that process."""


def illegal_in_ids(text: str, *, marks: str = "/\\#?") -> bool:
    """Whether an id must not be ``text``: for one of ``marks``, which mean something in a URL, for a control
    character, which stores cut off or change, or for half of a surrogate pair, which is no Unicode text."""
    if not text.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        return True
    return any(mark in text for mark in marks)


def instance_id_of(text: str) -> InstanceId:
    """The id of an orchestration from what a caller gave.

    Raises InvalidArgument with the texts of the reference host, swapped arguments included: clients
    only ever display them."""
    if text.startswith("@"):
        raise InvalidArgument("instanceId (Parameter 'Orchestration instance ids must not start with @.')")
    if illegal_in_ids(text):
        raise InvalidArgument(
            "instanceId (Parameter 'Orchestration instance ids must not contain /, \\, #, ?, or control characters.')"
        )
    if len(text) > LONGEST_INSTANCE_ID:
        raise InvalidArgument("Instance ID lengths must not exceed 256 characters.")
    return InstanceId(text)
