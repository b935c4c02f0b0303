"""The log lines of invocations: one or two each, on the logger ``Function.<name>``.

Nothing is formatted, not even built, unless the logger is enabled: on the way of a fast function one line
costs more than the call.
"""

import logging
from typing import Literal

from funchost.app.spec import FunctionSpec
from funchost.invocation.invocation import Invocation
from funchost.tracebacks import own_frames

__all__ = ["InvocationLog", "Lines"]

Lines = Literal["one", "pair", "none"]
"""``one``: when it ended. ``pair``: also when it began. ``none``: failures only."""


class InvocationLog:
    """Writes for one function; ``lines`` says how much. A failure is always logged, with its traceback."""

    __slots__ = ("_function", "_logger", "_show_end", "_show_start")

    def __init__(self, function: FunctionSpec, lines: Lines = "one") -> None:
        self._function = function.name
        self._logger = logging.getLogger(f"Function.{function.name}")
        self._show_start = lines == "pair"
        self._show_end = lines != "none"

    def started(self, invocation: Invocation) -> None:
        if self._show_start and self._logger.isEnabledFor(logging.INFO):
            self._logger.info(
                "Executing 'Functions.%s' (Reason='%s', Id=%s)",
                self._function,
                invocation.reason,
                invocation.id,
                extra=self._facts(invocation),
            )

    def succeeded(self, invocation: Invocation, duration_s: float) -> None:
        if self._show_end and self._logger.isEnabledFor(logging.INFO):
            # Without the search for the caller, which is a third of what a line costs and always finds this one.
            record = self._logger.makeRecord(
                self._logger.name,
                logging.INFO,
                __file__,
                0,
                "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)",
                (self._function, invocation.id, duration_s * 1000),
                None,
                extra=self._facts(invocation, duration_s),
            )
            self._logger.handle(record)

    def failed(self, invocation: Invocation, duration_s: float, error: BaseException) -> None:
        self._logger.error(
            "Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)",
            self._function,
            invocation.id,
            duration_s * 1000,
            exc_info=(type(error), error, own_frames(error)),
            extra=self._facts(invocation, duration_s),
        )

    def cancelled(self, invocation: Invocation, duration_s: float) -> None:
        self._logger.warning(
            "Executed 'Functions.%s' (Cancelled, Id=%s, Duration=%dms)",
            self._function,
            invocation.id,
            duration_s * 1000,
            extra=self._facts(invocation, duration_s),
        )

    def timed_out(self, invocation: Invocation, error: BaseException) -> None:
        self._logger.error("%s (Id: %s)", error, invocation.id, extra=self._facts(invocation))

    def _facts(self, invocation: Invocation, duration_s: float | None = None) -> dict[str, object]:
        return {
            "function": self._function,
            "invocation_id": invocation.id,
            "instance_id": invocation.instance_id,
            "duration_s": duration_s,
        }
