"""From what a step of an entity decided to what a task hub makes durable. Pure, and the same for every hub."""

from collections.abc import Callable, Sequence

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.outbox import Message, Start
from funchost.durable.entities.state import status_json
from funchost.durable.entities.step import EntityStep, Refusal
from funchost.durable.events import EventRaised, ExecutionStarted, ParentInstance
from funchost.ids import ExecutionId
from funchost.instant import Instant
from funchost.taskhub import Outcome, Send, Snapshot, StatusChange
from funchost.taskhub.outcomes import FIRE_AND_FORGET

__all__ = ["outcome_of_refusal", "outcome_of_step"]


def outcome_of_step(
    step: EntityStep,
    entity: EntityKey,
    execution: ExecutionId,
    now: Instant,
    *,
    default_version: str,
    new_execution_id: Callable[[], ExecutionId],
) -> Outcome:
    """``execution`` is the entity's own."""
    parent = ParentInstance(entity.instance_id, entity.instance_id, execution, 0)
    starts = [_start(start, parent, now, default_version, new_execution_id()) for start in step.starts]
    return Outcome(
        Snapshot(step.state.to_json()),
        sends=[*_sends(step.messages, now), *starts],
        status=StatusChange(custom_status=status_json(step.state)),
    )


def outcome_of_refusal(refusal: Refusal, stored: Snapshot, now: Instant) -> Outcome:
    """What is stored stays as it is: somebody may be able to mend it."""
    return Outcome(stored, sends=_sends(refusal.messages, now))


def _sends(messages: Sequence[Message], now: Instant) -> list[Send]:
    return [
        Send(m.to, EventRaised(timestamp=now, name=m.name, input=m.input), due=m.due, execution=m.execution)
        for m in messages
    ]


def _start(start: Start, parent: ParentInstance, now: Instant, default_version: str, execution: ExecutionId) -> Send:
    event = ExecutionStarted(
        timestamp=now,
        name=start.name,
        instance_id=start.instance_id,
        execution_id=execution,
        input=start.input,
        version=default_version if start.version is None else start.version,
        parent=parent,
        tags={**(start.tags or {}), FIRE_AND_FORGET: ""},
        scheduled_start=start.start_at,
    )
    return Send(start.instance_id, event, due=start.start_at)
