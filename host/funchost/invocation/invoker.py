"""From a trigger's value to the answer of user code.

An :class:`Invoker` is prepared once, when its function is loaded; what a call needs is decided then, so that
a function with nothing but a trigger costs little more than the call itself. A call has three phases:
inputs are read, the function runs and its outputs are encoded, and only then are outputs written. Any
error before the writes leaves no trace of the others: nothing is written.
"""

import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import reduce
from types import TracebackType
from typing import Any

from funchost.app.spec import FunctionSpec, UserFunction
from funchost.clock import Clock, SystemClock, new_invocation_id
from funchost.invocation.context import FunctionContext
from funchost.invocation.current import CURRENT, Current, lend
from funchost.invocation.invocation import Invocation
from funchost.invocation.log import InvocationLog
from funchost.invocation.outputs import Outputs, Write
from funchost.invocation.parameters import Parameters
from funchost.invocation.values import AsyncInput, Input, Output, OutValue
from funchost.threads import ThreadPool

__all__ = ["Invoke", "Invoker", "Middleware"]

Invoke = Callable[[Invocation], Awaitable[Any]]
Middleware = Callable[[Invocation, Invoke], Awaitable[Any]]
"""A function around an invocation: it may delay, repeat, limit or refuse what ``call_next`` does."""


class Invoker:
    """All calls of one function. Stateless between calls and safe to use from any thread.

    ``middleware`` surrounds :meth:`run`, the first one outermost; :meth:`call` is one bare attempt.
    """

    def __init__(
        self,
        function: FunctionSpec,
        threads: ThreadPool,
        *,
        parameters: Parameters = Parameters(),  # noqa: B008 - an immutable value
        inputs: Sequence[Input | AsyncInput] = (),
        outputs: Sequence[Output] = (),
        log: InvocationLog | None = None,
        clock: Clock | None = None,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self.function = function
        self._call = function.call
        self._threads = threads
        self._trigger = function.trigger.name
        self._wants_context = parameters.wants_context
        self._inputs = [one for one in inputs if isinstance(one, Input)]
        self._async_inputs = [one for one in inputs if isinstance(one, AsyncInput)]
        self._outputs = Outputs(function, outputs)
        self._out_names = [output.name for output in outputs if output.name != "$return"]
        self._log = log or InvocationLog(function)
        self._now = (clock or SystemClock()).monotonic
        self._middleware = middleware
        self._bare = not (inputs or self._out_names or self._wants_context)
        self.needs_loop = function.is_async or bool(self._async_inputs) or self._outputs.write
        self.run: Invoke = reduce(_surround, reversed(middleware), self._one_attempt())
        """Call the function wherever it belongs, from the loop; returns and raises as :meth:`call` does."""

    def replacing(self, call: UserFunction) -> "Invoker":
        """An invoker for the same function that calls async ``call`` in its place: with the trigger's value and
        the context, and for nothing but the answer's own sake (it has no outputs)."""
        bindings = (self.function.trigger,)
        return Invoker(
            replace(self.function, call=call, is_async=True, bindings=bindings),
            self._threads,
            parameters=Parameters(wants_context=True),
            log=self._log,
            middleware=self._middleware,
        )

    def answering(self, encode: Callable[[Any], Any]) -> "Invoker":
        """This invoker, but what a function gives its caller goes through ``encode``, as a part of the call: a value
        that ``encode`` refuses makes the call fail."""
        other = copy(self)
        other._outputs = self._outputs.encoding(encode)
        other.run = reduce(_surround, reversed(self._middleware), other._one_attempt())
        return other

    def _one_attempt(self) -> Invoke:
        if self.function.is_async:
            return self._on_loop
        if self.needs_loop:
            return self._in_thread_between_bindings
        return self._in_thread

    def call(self, trigger: Any, *, instance_id: str | None = None, reason: str = "") -> Any:
        """Call a blocking function here and now, in this thread.

        Only for functions that do not need the loop (see ``needs_loop``). Returns what the function
        answered: for activities the bare return value, for HTTP the encoded response, None when there is
        none. Raises what user code raised, after it was logged.
        """
        return self.call_invocation(Invocation(new_invocation_id(), trigger, reason, instance_id))

    def call_invocation(self, invocation: Invocation) -> Any:
        """:meth:`call` with an invocation that the caller made."""
        with _Running(self, invocation) as running:
            if self._bare:
                return self._outputs.answer(self._call(**{self._trigger: invocation.trigger}))
            return self._settled(running, self._sync_arguments(running))[0]

    async def acall(self, trigger: Any, *, instance_id: str | None = None, reason: str = "") -> Any:
        """:meth:`call` for any function, from the loop: async ones run on it, others in a thread."""
        return await self.run(Invocation(new_invocation_id(), trigger, reason, instance_id))

    async def _in_thread(self, invocation: Invocation) -> Any:
        return await self._threads.run(self.call_invocation, invocation)

    async def _on_loop(self, invocation: Invocation) -> Any:
        with _Running(self, invocation) as running:
            arguments = self._sync_arguments(running)
            for one in self._async_inputs:
                arguments[one.name] = await one.read(invocation)
            returned = await self._call(**arguments)
            if self._outputs.is_simple:
                return self._outputs.answer(returned)
            answer, writes = self._outputs.settle(returned, arguments)
            await _write(invocation, writes)
            return answer

    async def _in_thread_between_bindings(self, invocation: Invocation) -> Any:
        with _Running(self, invocation) as running:
            arguments: dict[str, Any] = {}
            for one in self._async_inputs:
                arguments[one.name] = await one.read(invocation)
            answer, writes = await self._threads.run(self._body, running, arguments)
            await _write(invocation, writes)
            return answer

    def _body(self, running: "_Running", arguments: dict[str, Any]) -> tuple[Any, Sequence[Write]]:
        return self._settled(running, arguments | self._sync_arguments(running))

    def _settled(self, running: "_Running", arguments: dict[str, Any]) -> tuple[Any, Sequence[Write]]:
        return self._outputs.settle(self._call(**arguments), arguments)

    def _sync_arguments(self, running: "_Running") -> dict[str, Any]:
        invocation = running.invocation
        arguments: dict[str, Any] = {self._trigger: invocation.trigger}
        if self._bare:
            return arguments
        for one in self._inputs:
            arguments[one.name] = one.read(invocation)
        for name in self._out_names:
            arguments[name] = OutValue()
        if self._wants_context:
            lend(running.current)
            arguments["context"] = FunctionContext(self.function, invocation, running.current)
        return arguments


class _Running:
    """What surrounds an attempt: the label for log lines, the log lines, and what user code printed."""

    __slots__ = ("_invoker", "_log", "_since", "_token", "current", "invocation")

    def __init__(self, invoker: Invoker, invocation: Invocation) -> None:
        self._invoker = invoker
        self.invocation = invocation
        self.current = Current(invoker.function.name, invocation.id, invocation.instance_id)

    def __enter__(self) -> "_Running":
        self._token = CURRENT.set(self.current)
        self._invoker._log.started(self.invocation)
        self._since = self._invoker._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_s = self._invoker._now() - self._since
        _flush_stdout()
        log = self._invoker._log
        if error is None:
            log.succeeded(self.invocation, took_s)
        elif isinstance(error, CancelledError):
            log.cancelled(self.invocation, took_s)
        else:
            log.failed(self.invocation, took_s, error)
        CURRENT.reset(self._token)


def _surround(inner: Invoke, middleware: Middleware) -> Invoke:
    async def invoke(invocation: Invocation) -> Any:
        return await middleware(invocation, inner)

    return invoke


async def _write(invocation: Invocation, writes: Sequence[Write]) -> None:
    for write, value in writes:
        await write(invocation, value)


def _flush_stdout() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        pass  # user code may have closed or replaced it; an invocation does not fail for that
