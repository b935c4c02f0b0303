"""Which tasks a failed execution failed of: what a rewind asks for again.

A failure counts when the code was never told of it, or when it left the code with the very step that told it: thrown
in at the last yield and not caught, or caught and raised again. One that the code went on after is handled: work
was done because of it, which asking again would contradict. Of a call with retries only the last attempt counts,
with the timer that ended it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from funchost.durable.entities.messages import RELEASE
from funchost.durable.events import EventSent, HistoryEvent
from funchost.durable.sdk import TaskState
from funchost.durable.tasks import AtomicTask, RetryAbleTask, Task, TimerTask

__all__ = ["blamed", "leaves", "numbers_of", "sent_for_nothing"]

_FAILED = TaskState.FAILED


def leaves(task: Task) -> Iterator[AtomicTask]:
    """The atomic tasks of which ``task`` consists."""
    if isinstance(task, AtomicTask):
        yield task
    for child in task.children:
        yield from leaves(child)


def blamed(last: Task | None, error: BaseException | None, news: Collection[AtomicTask]) -> list[AtomicTask]:
    """The failed leaves of ``last``, the task that the code was told of last, that made it raise ``error``.

    Only ``news`` count, those that it was told of for the first time: after an earlier time it went on.
    """
    if last is None or error is None or not news:
        return []
    chain = {id(link) for link in _chain(error)}
    return [
        leaf
        for part in _parts(last)
        if part.state is _FAILED and id(part.result) in chain
        for leaf in leaves(part)
        if leaf in news and isinstance(leaf.id, int)
    ]


def numbers_of(failed: Iterable[AtomicTask]) -> list[int]:
    """Their numbers, and those of the timers that ended the attempts of some of them."""
    numbered = {task.id: task for task in failed if isinstance(task.id, int) and not _was_repeated(task)}
    timers = {timer for task in numbered.values() if (timer := _closing_timer(task)) is not None}
    return sorted(numbered.keys() | timers)


def sent_for_nothing(events: Iterable[HistoryEvent], *, since: int, blamed: bool) -> list[int]:
    """The numbers of what was sent because of the failure, and is to be sent again when the code gets there anew.

    ``since`` is the first number that the code could draw after it was told. When a task is to blame, all that was sent
    from there on; otherwise only releases of locks, since the code may have sent the rest before it failed.
    """
    return [
        event.event_id
        for event in events
        if isinstance(event, EventSent) and event.event_id >= since and (blamed or event.name == RELEASE)
    ]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error``, what it was raised from or while handling, and the members of groups."""
    seen, waiting = set[int](), [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [more for more in (link.__cause__, link.__context__) if more is not None]
        if isinstance(link, BaseExceptionGroup):
            members: Sequence[BaseException] = link.exceptions
            waiting += members


def _parts(task: Task) -> Iterator[Task]:
    yield task
    for child in task.children:
        yield from _parts(child)


def _owner(task: AtomicTask) -> RetryAbleTask | None:
    return next((parent for parent in task._parents if isinstance(parent, RetryAbleTask)), None)


def _was_repeated(task: AtomicTask) -> bool:
    """Whether its failure led to another attempt, or to a timer that still runs before one."""
    owner = _owner(task)
    return owner is not None and (owner.state is not _FAILED or task is not _last_attempt(owner))


def _last_attempt(owner: RetryAbleTask) -> Task:
    return next(child for child in reversed(owner.children) if not isinstance(child, TimerTask))


def _closing_timer(task: AtomicTask) -> int | None:
    owner = _owner(task)
    closing = None if owner is None else owner.children[-1]
    return closing.id if isinstance(closing, TimerTask) and isinstance(closing.id, int) else None
