"""What the outside may be told of the life of orchestrations: that one began, and how it ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from funchost.durable.events import ExecutionStarted, HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Step
from funchost.ids import InstanceId

__all__ = ["LifeObserver", "Transition", "failed_by_host", "transitions_of"]


@dataclass(frozen=True, slots=True)
class Transition:
    """``status``: Running for a begin, else how it ended. ``reason`` of what failed or was terminated, else empty."""

    status: RuntimeStatus
    reason: str = ""


class LifeObserver(Protocol):
    """Told of lives once it is durable, each change once and in order, on any thread; must be quick and not raise."""

    def changed(self, instance: InstanceId, name: str, transitions: Sequence[Transition]) -> None: ...


_BEGAN = Transition(RuntimeStatus.RUNNING)
# For those who watch from outside, a generation that continues as new has done what it was to do.
_COMPLETED = Transition(RuntimeStatus.COMPLETED)


def transitions_of(step: Step) -> Sequence[Transition]:
    """Of one execution in one episode: its begin, its end, both or neither."""
    if not step.began and step.ending is None and step.successor is None:
        return ()
    begin = [_BEGAN] if step.began else []
    if step.successor is not None:
        return [*begin, _COMPLETED]
    if step.ending is None:
        return begin
    if step.ending.status is RuntimeStatus.COMPLETED:
        return [*begin, _COMPLETED]
    return [*begin, Transition(step.ending.status, step.ending.output or "")]


def failed_by_host(past: Sequence[HistoryEvent], received: Sequence[HistoryEvent], reason: str) -> Sequence[Transition]:
    """Of an execution that its host ends without running its code; ``past`` is what was told of already."""
    began = _holds_start(received) and not _holds_start(past)
    return [*([_BEGAN] if began else []), Transition(RuntimeStatus.FAILED, reason)]


def _holds_start(events: Sequence[HistoryEvent]) -> bool:
    return any(isinstance(event, ExecutionStarted) for event in events)
