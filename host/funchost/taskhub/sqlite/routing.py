"""Where starts and messages of a transaction go: a pure decision, on what the transaction has read.

Children and clients start instances by one rule, and entities come into being by their first message; messages
for an instance that does not exist, is finished or runs another execution are dropped, but answers for a failed one
are kept. New rows get their keys here, so that everything that follows in the transaction can name them, and so that
delivery needs no second look into the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from funchost.durable.entities.ids import entity_of, is_entity
from funchost.durable.events import ExecutionStarted, HistoryEvent, SubOrchestrationInstanceFailed
from funchost.durable.status import TERMINAL, RuntimeStatus
from funchost.errors import InstanceExists
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub.sqlite.codec import Token
from funchost.taskhub.sqlite.schema import KEPT
from funchost.taskhub.sqlite.versions import Versions
from funchost.taskhub.sqlite.writes import MessageRow, StartRow, message_row

__all__ = ["Arrival", "Keys", "NewMessage", "NewRun", "Router", "Target", "wanted"]


@dataclass(slots=True)
class Target:
    """An instance as the transaction sees it; ``owner`` None: no living worker has it."""

    key: int
    id: InstanceId
    status: RuntimeStatus
    execution: int
    execution_id: ExecutionId
    seq: int
    fence: int
    owner: int | None

    @property
    def token(self) -> Token:
        return Token(self.key, self.execution, self.seq, self.fence)


@dataclass(slots=True)
class Keys:
    """The last keys in use, by table."""

    instance: int = 0
    execution: int = 0
    message: int = 0


@dataclass(slots=True)
class NewRun:
    """A first or next execution that a start made; ``replaced`` is the execution it took the place of."""

    target: Target
    row: StartRow
    replaced: int | None


@dataclass(slots=True)
class NewMessage:
    id: int
    target: Target
    execution: int | None
    row: MessageRow


@dataclass(slots=True)
class Arrival:
    """A message that may be delivered now. ``execution``: it ends with that one. ``damage``: why it cannot be read;
    the event then has no effect."""

    id: int
    event: HistoryEvent
    execution: int | None
    damage: str | None = None


@dataclass(slots=True)
class Router:
    """``me`` claims the first ``room`` new instances; None: this process does not work on the hub."""

    targets: dict[InstanceId, Target]
    keys: Keys
    now: Instant
    me: int | None
    room: int
    versions: Versions
    runs: list[NewRun] = field(default_factory=list[NewRun])
    messages: list[NewMessage] = field(default_factory=list[NewMessage])

    def start(self, row: StartRow, replacing: frozenset[RuntimeStatus]) -> RuntimeStatus | None:
        """None when it starts; else the status of the instance that stands in the way."""
        event = row.event
        there = self.targets.get(event.instance_id)
        if there is not None and there.status not in replacing:
            return there.status
        self.keys.execution += 1
        target = self._new_instance(row) if there is None else self._replaced(there, row)
        self.targets[event.instance_id] = target
        self.runs.append(NewRun(target, row, None if there is None else there.execution))
        self.send(MessageRow(event.instance_id, event, row.blob, row.due, event.execution_id))
        return None

    def start_child(self, row: StartRow) -> None:
        """A child that cannot start fails the call of its parent, if one waits for it."""
        in_the_way = self.start(row, TERMINAL)
        parent = row.event.parent
        if in_the_way is None or parent is None:
            return
        failed = SubOrchestrationInstanceFailed(
            timestamp=self.now,
            task_id=parent.task_id,
            reason=str(InstanceExists(row.event.instance_id, in_the_way.value)),
        )
        self.send(message_row(parent.instance_id, failed, execution=parent.execution_id))

    def send(self, row: MessageRow) -> None:
        target = self.targets.get(row.to)
        if target is None and is_entity(row.to):
            target = self._new_entity(row)
        if target is None or row.execution not in (None, target.execution_id):
            return
        if target.status.is_terminal:
            if target.status is not RuntimeStatus.FAILED or row.execution is None or row.timer is not None:
                return
            row = replace(row, due=KEPT)
        self.keys.message += 1
        execution = None if row.execution is None else target.execution
        self.messages.append(NewMessage(self.keys.message, target, execution, row))

    def is_due(self, row: MessageRow) -> bool:
        return row.due <= self.now

    def _new_instance(self, row: StartRow, status: RuntimeStatus = RuntimeStatus.PENDING) -> Target:
        self.keys.instance += 1
        event = row.event
        return Target(
            key=self.keys.instance,
            id=event.instance_id,
            status=status,
            execution=self.keys.execution,
            execution_id=event.execution_id,
            seq=0,
            fence=1,
            owner=self._claim(row),
        )

    def _new_entity(self, row: MessageRow) -> Target:
        """It has no start: it runs from its first message on, under one execution for all of its life."""
        self.keys.execution += 1
        event = ExecutionStarted(
            timestamp=self.now,
            name=entity_of(row.to).name,
            instance_id=row.to,
            execution_id=ExecutionId(f"{self.keys.execution:032x}"),
        )
        begun = StartRow(event, b"", None, row.due)
        target = self.targets[row.to] = self._new_instance(begun, RuntimeStatus.RUNNING)
        self.runs.append(NewRun(target, begun, None))
        return target

    def _replaced(self, there: Target, row: StartRow) -> Target:
        # A living owner keeps it, at a higher fence: what it still holds of the old run is refused.
        return Target(
            key=there.key,
            id=there.id,
            status=RuntimeStatus.PENDING,
            execution=self.keys.execution,
            execution_id=row.event.execution_id,
            seq=0,
            fence=there.fence + 1,
            owner=there.owner if self._stays_with(there.owner, row) else self._claim(row),
        )

    def _stays_with(self, owner: int | None, row: StartRow) -> bool:
        """Whether the new run is for the one that has the old run; of another worker, only a version tells."""
        if owner is None:
            return False
        return self.versions.fits(row.event) if owner == self.me else not row.event.version

    def _claim(self, row: StartRow) -> int | None:
        if self.me is None or self.room <= 0 or row.due > self.now or not self.versions.fits(row.event):
            return None
        self.room -= 1
        return self.me


def wanted(starts: Sequence[StartRow], messages: Sequence[MessageRow]) -> set[InstanceId]:
    """The instances to look up before routing these; parents, because a child may not be able to start."""
    found = {row.event.instance_id for row in starts}
    found.update(row.event.parent.instance_id for row in starts if row.event.parent is not None)
    found.update(row.to for row in messages)
    return found
