"""The ``context`` parameter, as the programming model documents it."""

from typing import Any

import azure.functions as func

from funchost.app.spec import FunctionSpec
from funchost.invocation.current import THREAD_LOCAL, Current
from funchost.invocation.invocation import Invocation, Retry, Trace

__all__ = ["FunctionContext"]

_FIRST_ATTEMPT = Retry()
_NO_TRACE = Trace()


class FunctionContext(func.Context):
    """Read-only view of one invocation; ``thread_local_storage`` is the one object all invocations share."""

    def __init__(self, function: FunctionSpec, invocation: Invocation, running: Current) -> None:
        self._function = function
        self._invocation = invocation
        self._running = running  # keeps the id findable for threads that hold this context

    @property
    def invocation_id(self) -> str:
        return self._invocation.id

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return str(self._function.directory)

    @property
    def thread_local_storage(self) -> Any:
        return THREAD_LOCAL

    @property
    def trace_context(self) -> Any:
        return _TraceView(self._invocation.trace or _NO_TRACE)

    @property
    def retry_context(self) -> Any:
        return _RetryView(self._invocation.retry or _FIRST_ATTEMPT)


class _TraceView:
    """Both spellings: the attributes with capitals are deprecated but still in use."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @property
    def trace_parent(self) -> str:
        return self._trace.parent

    @property
    def trace_state(self) -> str:
        return self._trace.state

    @property
    def attributes(self) -> dict[str, str]:
        return {}

    Traceparent = trace_parent
    Tracestate = trace_state
    Attributes = attributes


class _RetryView:
    """The exception under both of its names: the SDK's interface and its worker disagree."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry

    @property
    def retry_count(self) -> int:
        return self._retry.count

    @property
    def max_retry_count(self) -> int:
        return self._retry.maximum

    @property
    def exception(self) -> Any:
        return self._retry.exception

    rpc_exception = exception
