"""Claimed activities that wait for a free slot, taken in turns over the executions that scheduled them."""

from collections import deque

from funchost.taskhub import ActivityWork
from funchost.taskhub.sqlite.codec import ActivityReceipt, execution_of

__all__ = ["ReadyActivities"]


class ReadyActivities:
    """A fan-out of thousands does not keep a chain beside it waiting."""

    def __init__(self) -> None:
        self._by_execution: dict[int, deque[ActivityWork]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, work: ActivityWork) -> None:
        receipt = work.receipt
        assert isinstance(receipt, ActivityReceipt)
        self._by_execution.setdefault(execution_of(receipt.key), deque()).append(work)
        self._count += 1

    def take(self, most: int) -> list[ActivityWork]:
        taken = list[ActivityWork]()
        while self._by_execution and len(taken) < most:
            execution = next(iter(self._by_execution))
            waiting = self._by_execution.pop(execution)
            taken.append(waiting.popleft())
            if waiting:
                self._by_execution[execution] = waiting
        self._count -= len(taken)
        return taken

    def drop(self, execution: int) -> None:
        """It is over: what has not started need not."""
        self._count -= len(self._by_execution.pop(execution, ()))
