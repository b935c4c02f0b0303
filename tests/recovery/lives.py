"""What an observer was told of lives."""

from collections.abc import Sequence

from funchost.ids import InstanceId
from funchost.taskhub.worker.transitions import Transition

__all__ = ["Lives"]


class Lives:
    """Keeps it all, in the order it was told."""

    def __init__(self) -> None:
        self.told = list[str]()
        self.reasons = list[str]()

    def changed(self, instance: InstanceId, name: str, transitions: Sequence[Transition]) -> None:
        self.told += [f"{name} {instance} {transition.status.value}" for transition in transitions]
        self.reasons += [transition.reason for transition in transitions]
