"""From an activity's request to its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from funchost.durable import failures, payloads, texts
from funchost.durable.events import HistoryEvent, TaskCompleted, TaskFailed
from funchost.instant import Instant
from funchost.taskhub import ActivityWork
from funchost.tracebacks import own_traceback

__all__ = ["Activity", "GivesUp", "Later", "argument", "completed", "encode", "failed", "missing", "run"]


@dataclass(frozen=True, slots=True)
class Later:
    """An activity is not done, and has nothing to do for a while: it is to be called again after ``delay``.

    ``rest`` is its input then, in the stored form. It is durable, and the activity holds no slot until then.
    """

    rest: str
    delay: timedelta


class GivesUp(Exception):
    """Around the error that an activity fails with for good, whatever the retry policy of its caller."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Activity(Protocol):
    """An activity function of the app, ready to be called.

    It does its own logging; whatever it raises becomes the failure of the task. What it gives is encoded
    already, by :func:`encode`: a result that cannot be stored is a failure of the call, and logged as one.
    """

    @property
    def name(self) -> str: ...

    @property
    def is_async(self) -> bool: ...

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        """Run a synchronous function on this thread."""
        ...

    async def call_async(self, argument: Any, work: ActivityWork) -> str | Later | None:
        """Run an asynchronous function on the app's event loop."""
        ...


def argument(work: ActivityWork) -> Any:
    """What the function is called with. Raises ValueError when the request cannot be decoded."""
    return payloads.activity_argument(work.input)


def run(activity: Activity, work: ActivityWork, now: Callable[[], Instant]) -> HistoryEvent:
    """Run a synchronous activity to its answer; never raises for what user code does."""
    try:
        return completed(work, activity.call(argument(work), work), now())
    except BaseException as exc:  # noqa: BLE001 - the border to user code
        return failed(activity.name, work, exc, now())


def completed(work: ActivityWork, result: str | None, now: Instant) -> TaskCompleted:
    return TaskCompleted(timestamp=now, task_id=work.task, result=result)


def encode(value: Any) -> str | None:
    """A result as it is stored, None for None. Raises ValueError for what cannot be serialised."""
    if value is None:
        return None
    try:
        return payloads.encode(value, "result")
    except (TypeError, ValueError) as exc:
        raise ValueError(f"activity trigger output must be json serializable ({value!r:.200}): {exc}") from exc


def failed(name: str, work: ActivityWork, error: BaseException, now: Instant) -> TaskFailed:
    gives_up = isinstance(error, GivesUp)
    if isinstance(error, GivesUp):
        error = error.error
    failure = failures.details_of(error)
    failure.non_retriable = gives_up
    reason = texts.activity_failed(name, error)
    message = reason.split("failed:  ", 1)[-1]
    return TaskFailed(
        timestamp=now,
        task_id=work.task,
        reason=reason,
        details=texts.activity_failure_details(message, own_traceback(error)),
        failure=failure,
    )


def missing(work: ActivityWork, now: Instant) -> TaskFailed:
    """The answer of an activity that the app does not have, or has disabled."""
    text = f"Activity function '{work.name}' failed: Activity function '{work.name}' does not exist."
    return TaskFailed(timestamp=now, task_id=work.task, reason=text, details="")
