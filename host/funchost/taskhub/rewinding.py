"""Rewinding a family: a failed instance, the failed children that brought it down, theirs, and so on. The same for
every hub."""

from collections.abc import Sequence

from funchost.durable.events import ExecutionStarted, HistoryEvent, ParentInstance
from funchost.durable.rewinding import Child, children_to_rewind, locks_missed, rewound
from funchost.durable.status import RuntimeStatus
from funchost.errors import InvalidOperation, Unreadable
from funchost.ids import InstanceId
from funchost.taskhub import Instance, Rewind, TaskHub

__all__ = ["rewinds_of"]


async def rewinds_of(hub: TaskHub, failed: Instance) -> list[Rewind]:
    """How the family of ``failed`` goes on. A child that is gone, has ended otherwise or is somebody else's by now is
    started anew by its parent.

    Raises InvalidOperation when there is nothing to go on from, or when one of them failed in a critical section,
    Unreadable when its history is damaged.
    """
    history = await hub.history(failed.id)
    if _start_of(history) is None:
        raise InvalidOperation(f"The instance {failed.id} cannot be rewound: its history does not begin with a start.")
    rewinds, waiting = list[Rewind](), [(failed, history)]
    while waiting:
        parent, history = waiting.pop()
        anew, below = set[int](), list[tuple[Instance, Sequence[HistoryEvent]]]()
        for child in children_to_rewind(history):
            there = await hub.read(child.instance, payloads=False)
            if there is None or there.parent != parent.id:
                anew.add(child.task)
            elif child.failed:
                child_history = await _failed_for(hub, there, parent, child)
                if child_history is None:
                    anew.add(child.task)
                else:
                    below.append((there, child_history))
        events = rewound(history, anew=anew)
        _check_locks(failed.id, parent.id, events)
        rewinds.append(Rewind(parent.id, parent.execution, parent.updated, events, wake=not below))
        waiting += below
    return rewinds


async def _failed_for(hub: TaskHub, there: Instance, parent: Instance, call: Child) -> Sequence[HistoryEvent] | None:
    """The history of a child that failed and will answer that call of its parent once more; None: it will not."""
    if there.status is not RuntimeStatus.FAILED:
        return None
    try:
        history = await hub.history(InstanceId(call.instance))
    except Unreadable:
        return None
    start = _start_of(history)
    if start is None or not _answers(start.parent, parent, call):
        return None
    return history


def _check_locks(failed: InstanceId, member: InstanceId, events: Sequence[HistoryEvent]) -> None:
    missed = locks_missed(events)
    if not missed:
        return
    names = ", ".join(f"'{entity}'" for entity in missed)
    whose = "it" if member == failed else f"its sub-orchestration {member}"
    raise InvalidOperation(
        f"The instance {failed} cannot be rewound: {whose} failed in a critical section, and the locks of {names} have "
        "been released since. Others may have changed these entities. Restart the instance instead."
    )


def _answers(to: ParentInstance | None, parent: Instance, call: Child) -> bool:
    return to is not None and (to.execution_id, to.task_id) == (parent.execution, call.task)


def _start_of(history: Sequence[HistoryEvent]) -> ExecutionStarted | None:
    return next((event for event in history if isinstance(event, ExecutionStarted)), None)
