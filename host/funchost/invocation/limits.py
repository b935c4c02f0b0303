"""``functionTimeout``: how long one invocation may take."""

import asyncio
from datetime import timedelta
from typing import Any

from funchost.app.spec import FunctionSpec
from funchost.errors import FunctionTimeout
from funchost.invocation.invocation import Invocation
from funchost.invocation.invoker import Invoke, Middleware
from funchost.invocation.log import InvocationLog
from funchost.settings import format_timespan

__all__ = ["time_limit"]


def time_limit(function: FunctionSpec, limit: timedelta, log: InvocationLog) -> Middleware:
    """Middleware that gives up after ``limit`` and raises FunctionTimeout.

    Async code is cancelled. A thread cannot be interrupted: the caller gets the error, and the thread
    stays busy until user code returns.
    """
    limit_s = limit.total_seconds()

    async def limited(invocation: Invocation, call_next: Invoke) -> Any:
        scope = asyncio.timeout(limit_s)
        try:
            async with scope:
                return await call_next(invocation)
        except TimeoutError as exc:
            if not scope.expired():
                raise  # user code's own
            error = FunctionTimeout(function.name, invocation.id, format_timespan(limit))
            log.timed_out(invocation, error)
            raise error from exc

    return limited
