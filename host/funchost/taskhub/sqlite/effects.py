"""What a transaction did, to be told once it is durable, and never before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from funchost.ids import ExecutionId
from funchost.taskhub import ActivityWork
from funchost.taskhub.sqlite.codec import Token
from funchost.taskhub.sqlite.membership import Peers
from funchost.taskhub.sqlite.routing import Arrival, Target
from funchost.taskhub.sqlite.writes import CommitWrite

__all__ = ["Advanced", "Delivery", "Effects", "Gathered"]


@dataclass(slots=True)
class Advanced:
    """A commit that took: ``token`` is the new one."""

    write: CommitWrite
    token: Token
    execution_id: ExecutionId


@dataclass(slots=True)
class Delivery:
    """Messages for an instance that this worker owns. ``fresh``: its history is known to be empty."""

    target: Target
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    fresh: bool = False


@dataclass(slots=True)
class Gathered:
    """``seen``: every message with an id up to it is delivered or known to be someone else's.

    ``free_…``: work without an owner was left.
    """

    seen: int
    peers: Peers
    next_due: int | None
    free_instances: bool
    free_activities: bool


@dataclass(slots=True)
class Effects:
    """``gone``: instances whose held sessions are worth nothing now. ``owners``: other workers that got messages.
    ``free_…``: there may be work now that nobody has claimed. ``addresses``: whom to ring for either."""

    advanced: list[Advanced] = field(default_factory=list[Advanced])
    lost: list[Token] = field(default_factory=list[Token])
    gone: list[int] = field(default_factory=list[int])
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    activities: list[ActivityWork] = field(default_factory=list[ActivityWork])
    owners: set[int] = field(default_factory=set[int])
    addresses: list[str] = field(default_factory=list[str])
    free_instances: bool = False
    free_activities: bool = False
    left_behind: bool = False
    next_due: int | None = None
    last_message: int | None = None
    gathered: Gathered | None = None
    calls: list[tuple[Callable[[Any], None], Any]] = field(default_factory=list[tuple[Callable[[Any], None], Any]])

    def tell(self, then: Callable[[Any], None], result: object) -> None:
        self.calls.append((then, result))

    def deliver(self, target: Target, arrival: Arrival, *, fresh: bool = False) -> None:
        delivery = self.deliveries.get(target.key)
        if delivery is None:
            delivery = self.deliveries[target.key] = Delivery(target)
        delivery.arrivals.append(arrival)
        delivery.fresh = delivery.fresh or fresh

    def due_later(self, due: int) -> None:
        if self.next_due is None or due < self.next_due:
            self.next_due = due
