"""Failure texts that user code and clients match on: wire literals, kept byte for byte."""

import re
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

__all__ = [
    "activity_failed",
    "activity_failure_details",
    "error_text",
    "for_people",
    "message_of",
    "orchestrator_failed",
    "orchestrator_failure_details",
    "parts_of_failure_details",
    "task_failure",
    "too_many_actions",
    "unknown_function",
    "yielded_no_task",
]

_SERIALISED = re.compile(r"""\s*\{"\$type":"System\.Exception, [^\n]*?,"StackTraceString":"(?:[^"\\\n]|\\.)*"\}""")


def error_text(error: BaseException) -> str:
    """``str(error)``, or the repr of its class when that is empty or cannot be had."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the author's __str__ may raise anything
        text = ""
    return _storable(text) or repr(type(error))


def activity_failed(name: str, error: BaseException) -> str:
    """Two blanks before the type name, as the reference host writes it."""
    return _storable(f"Activity function '{name}' failed:  {type(error).__name__}: {message_of(error)}")


def message_of(error: BaseException) -> str:
    """``str(error)``, or that it cannot be had."""
    try:
        return _storable(str(error))
    except Exception:  # noqa: BLE001 - the author's __str__ may raise anything
        return "<the exception has no text: its __str__ failed>"


def activity_failure_details(message: str, traceback: str) -> str:
    """The serialised exception, in the shape of a .NET one."""
    return (
        '{"$type":"System.Exception, System.Private.CoreLib","ClassName":"System.Exception","Message":'
        f'{encode_basestring_ascii(message)},"Data":null,"InnerException":null,"HelpURL":null,"StackTraceString":'
        f"{encode_basestring_ascii(traceback)}}}"
    )


def orchestrator_failed(name: str, error: str) -> str:
    return f"Orchestrator function '{name}' failed: {error}"


def orchestrator_failure_details(error: str, traceback: str) -> str:
    return _storable(f"Message: {error}, StackTrace: {traceback}")


def parts_of_failure_details(details: str) -> tuple[str, str]:
    """Error and traceback from :func:`orchestrator_failure_details`; other text is an error without a traceback."""
    error, _, traceback = details.removeprefix("Message: ").partition(", StackTrace: ")
    return error, traceback


def for_people(traceback: str) -> str:
    """``traceback`` without the serialised exceptions in it, as :func:`activity_failure_details` makes them: each says
    again, and escaped, what an activity has told of its failure."""
    return _SERIALISED.sub("", traceback).rstrip()


def task_failure(reason: str | None, details: str | None) -> str:
    """The text of the exception that a failed task raises in the orchestrator."""
    return f"{reason} \n {details}"


def unknown_function(name: str, kind: str, known: Iterable[str]) -> str:
    """``kind`` is ``activity``, ``orchestrator`` or ``entity``."""
    names = ", ".join(f"'{k}'" for k in sorted(known, key=str.lower))
    info = (
        f"The following are the known {kind} functions: {names}."
        if names
        else f"No {kind} functions are currently registered!"
    )
    return _storable(
        f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. Additional info: {info}"
    )


def yielded_no_task(value: object) -> str:
    """Names the type alone: a repr may fail, or hold an address that differs in every replay."""
    return f"an orchestrator must yield tasks, but yielded an object of type {type(value).__name__}"


def too_many_actions(limit: int) -> str:
    return (
        f"Maximum amount of orchestration actions ({limit}) has been reached. "
        "This value can be configured in host.json file as MaxOrchestrationActions."
    )


def _storable(text: str) -> str:
    """Lone surrogates, which no UTF-8 store can hold, become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
