"""What a worker holds of one instance between episodes."""

import threading
from dataclasses import dataclass, field

from funchost.durable.events import HistoryEvent
from funchost.durable.execution import Execution
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import ActivityWork, Received

__all__ = ["Answer", "LiveInstance"]


@dataclass(slots=True, eq=False)
class Answer:
    """The answer of an activity that ran here, held in memory for the next episode of its instance.

    ``given`` once it was written on its own, because the episode took too long.
    """

    work: ActivityWork
    event: HistoryEvent
    given: bool = False


@dataclass(slots=True, eq=False)
class LiveInstance:
    """The session of one execution, its past and what has arrived for it.

    ``busy`` while an episode of it runs or is being committed: whoever sets it runs the next one. ``over``
    once nothing of it counts here any more. ``lock`` guards all fields but ``past`` and ``engine``, which
    belong to the episode.
    """

    instance: InstanceId
    execution: ExecutionId
    token: object
    past: list[HistoryEvent]
    engine: Execution | None = None
    inbox: list[Received] = field(default_factory=list[Received])
    answers: list[Answer] = field(default_factory=list[Answer])
    busy: bool = False
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    attempts: int = 0
    used_at: float = 0.0
    name: str = ""
    """Of the orchestrator; empty until its first episode."""
    compared_at: int = 0
    """How long the past was when its code was last run again to be compared."""
