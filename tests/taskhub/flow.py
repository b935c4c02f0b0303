"""A little orchestration without an engine: three activities after each other, then done."""

from funchost.durable.events import ExecutionCompleted, HistoryEvent, TaskCompleted, TaskScheduled
from funchost.durable.status import RuntimeStatus
from funchost.taskhub import ActivityWork, Append, Episode, NewActivity, Outcome, Snapshot, StatusChange
from taskhub.acting import NOW

STEPS = 3


def outcome_of(episode: Episode) -> Outcome:
    """The next step, from past and messages alone."""
    new: list[HistoryEvent] = [message.event for message in episode.messages]
    past = episode.session.past
    assert not isinstance(past, Snapshot)
    answered = sum(isinstance(event, TaskCompleted) for event in [*(past or ()), *new])
    if answered == STEPS:
        done = ExecutionCompleted(timestamp=NOW, status=RuntimeStatus.COMPLETED, result=str(answered))
        change = StatusChange(status=RuntimeStatus.COMPLETED, output=str(answered))
        return Outcome(Append([*new, done]), status=change)
    scheduled = TaskScheduled(timestamp=NOW, event_id=answered, name="Act")
    return Outcome(
        Append([*new, scheduled]),
        activities=[NewActivity(answered, "Act", None)],
        status=StatusChange(status=RuntimeStatus.RUNNING),
    )


def answer_event(work: ActivityWork) -> TaskCompleted:
    return TaskCompleted(timestamp=NOW, task_id=work.task, result=str(work.task))


def is_right(history: list[HistoryEvent]) -> bool:
    """Each task scheduled once, answered once, and one end."""
    scheduled = [event.event_id for event in history if isinstance(event, TaskScheduled)]
    answered = [event.task_id for event in history if isinstance(event, TaskCompleted)]
    ends = sum(isinstance(event, ExecutionCompleted) for event in history)
    return scheduled == answered == list(range(STEPS)) and ends == 1
