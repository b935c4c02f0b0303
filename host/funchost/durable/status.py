"""Runtime status of an instance, and which changes of it are legal."""

from enum import StrEnum

__all__ = ["NON_RUNNING", "TERMINAL", "RuntimeStatus"]


class RuntimeStatus(StrEnum):
    """The name is the value; ``number`` is what histories of other engines hold."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    CONTINUED_AS_NEW = "ContinuedAsNew"
    FAILED = "Failed"
    CANCELED = "Canceled"
    TERMINATED = "Terminated"
    PENDING = "Pending"
    SUSPENDED = "Suspended"

    @property
    def number(self) -> int:
        return _NUMBERS[self]

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


_NUMBERS = {status: number for number, status in enumerate(RuntimeStatus)}

TERMINAL = frozenset({RuntimeStatus.COMPLETED, RuntimeStatus.FAILED, RuntimeStatus.CANCELED, RuntimeStatus.TERMINATED})

NON_RUNNING = TERMINAL
"""What ``overridableExistingInstanceStates: NonRunningStates`` lets a start replace."""
