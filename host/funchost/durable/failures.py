"""Failures as data, and what is thrown into an orchestrator for them.

The exception of an activity is gone when its orchestrator learns of it: another process may have run it. What
the author's code gets is a plain ``Exception`` with the documented text. The names of the original's classes
travel beside that text, so that a retry policy can tell failures apart.
"""

from funchost.durable import texts
from funchost.durable.events import FailureDetails

__all__ = ["EngineFailure", "class_names", "details_of", "thrown"]

_UNNAMED = frozenset({"Exception", "BaseException", "object"})


class EngineFailure(BaseException):
    """Ends an orchestration from outside user code; the text is what its output shows.

    Not an ``Exception``: handlers of the author's code must not see it.
    """


def details_of(error: BaseException) -> FailureDetails:
    """What ``error`` was. The failure of a task that nobody caught stays a failure of the original class."""
    origin = getattr(error, "failure", None)
    if isinstance(origin, FailureDetails):
        return FailureDetails(origin.error_type, texts.error_text(error), base_types=origin.base_types)
    bases = [base.__name__ for base in type(error).__mro__[1:] if base.__name__ not in _UNNAMED]
    return FailureDetails(type(error).__name__, texts.message_of(error), base_types=bases or None)


def class_names(failure: FailureDetails) -> set[str]:
    """The name of the original's class and those of its bases, without the roots that all have in common."""
    return {failure.error_type, *(failure.base_types or ())}


def thrown(reason: str | None, details: str | None, failure: FailureDetails | None) -> Exception:
    """What a failed task raises. ``error_type``, the class name of the original, and ``failure`` are None
    where an answer does not tell."""
    error = Exception(texts.task_failure(reason, details))
    error.error_type = None if failure is None else failure.error_type  # type: ignore[attr-defined]  # for user code
    error.failure = failure  # type: ignore[attr-defined]
    return error
