# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import azure.functions as func
import pytest

from funchost.app.spec import FunctionSpec
from funchost.invocation.current import CURRENT, Current, current
from funchost.invocation.invocation import Invocation, Retry, Trace
from funchost.invocation.invoker import Invoke, Invoker
from funchost.invocation.log import InvocationLog
from funchost.invocation.parameters import read_parameters
from funchost.invocation.values import AsyncInput, Input, Output
from funchost.threads import ThreadPool
from invocation.functions import activity, binding, function, output


@pytest.fixture
def threads() -> Iterator[ThreadPool]:
    pool = ThreadPool(2)
    yield pool
    assert pool.close(5)


Prepare = Callable[..., Invoker]


@pytest.fixture
def prepared(threads: ThreadPool) -> Prepare:
    def prepare(spec: FunctionSpec, **options: Any) -> Invoker:
        return Invoker(spec, threads, parameters=read_parameters(spec), **options)

    return prepare


class Written:
    """An output that keeps what is written to it."""

    def __init__(self, name: str = "$return", encode: Callable[[Any], Any] = str) -> None:
        self.values: list[Any] = []
        self.output = Output(name, encode, self._write)

    async def _write(self, invocation: Invocation, value: Any) -> None:
        self.values.append(value)


def refuse(value: Any) -> Any:
    raise TypeError("cannot be written")


def test_an_answer_that_cannot_be_encoded_fails_the_call(prepared: Prepare, caplog: pytest.LogCaptureFixture) -> None:
    async def later(name: Any) -> Any:
        return name

    for spec in (activity(lambda name: name), activity(later)):
        invoker = prepared(spec).answering(refuse)
        with pytest.raises(TypeError, match="cannot be written"):
            asyncio.run(invoker.acall(1))
        assert "Failed" in caplog.messages[-1]
        assert asyncio.run(prepared(spec).answering(str).acall(1)) == "1"


def test_an_activity_gets_its_value_and_gives_back_what_it_returns(prepared: Prepare) -> None:
    value = object()
    assert prepared(activity(lambda name: (name, 1))).call(value) == (value, 1)


def test_what_user_code_raises_comes_through_unchanged(prepared: Prepare) -> None:
    error = KeyboardInterrupt()

    def fail(name: str) -> None:
        raise error

    with pytest.raises(KeyboardInterrupt) as caught:
        prepared(activity(fail)).call("x")
    assert caught.value is error


def test_an_async_function_runs_on_the_loop_and_a_blocking_one_in_a_thread(prepared: Prepare) -> None:
    async def on_loop(name: str) -> int:
        return threading.get_ident()

    async def use() -> None:
        assert await prepared(activity(on_loop)).acall("x") == threading.get_ident()
        assert await prepared(activity(lambda name: threading.get_ident())).acall("x") != threading.get_ident()

    asyncio.run(use())
    assert prepared(activity(on_loop)).needs_loop
    assert not prepared(activity(lambda name: 1)).needs_loop


@pytest.mark.parametrize("instance_id", [None, "abc"])
def test_user_code_runs_under_the_label_of_its_invocation(prepared: Prepare, instance_id: str | None) -> None:
    labels: list[Current | None] = []
    prepared(activity(lambda name: labels.append(CURRENT.get()), name="act")).call("x", instance_id=instance_id)
    (label,) = labels
    assert label is not None
    assert (label.function, label.instance_id, len(label.invocation_id)) == ("act", instance_id, 36)
    assert CURRENT.get() is None


def test_inputs_are_read_before_the_call_wherever_they_belong(prepared: Prepare) -> None:
    async def read_async(invocation: Invocation) -> str:
        return f"async {invocation.trigger}"

    spec = activity(lambda name, one, two: (name, one, two), binding("queue", "one"), binding("queue", "two"))
    inputs = [Input("one", lambda invocation: f"sync {invocation.trigger}"), AsyncInput("two", read_async)]
    invoker = prepared(spec, inputs=inputs)
    assert invoker.needs_loop
    assert asyncio.run(invoker.acall("x")) == ("x", "sync x", "async x")


def test_an_input_that_cannot_be_read_fails_the_invocation_without_a_call(prepared: Prepare) -> None:
    calls: list[str] = []

    def unreadable(invocation: Invocation) -> Any:
        raise OSError("gone")

    spec = activity(lambda name, one: calls.append(name), binding("queue", "one"))
    with pytest.raises(OSError, match="gone"):
        prepared(spec, inputs=[Input("one", unreadable)]).call("x")
    assert calls == []


@pytest.mark.parametrize("is_async", [True, False])
def test_outputs_are_written_after_the_function_has_returned(prepared: Prepare, is_async: bool) -> None:
    message, returned = Written("msg"), Written()

    def set_both(name: str, msg: func.Out[str]) -> str:
        assert msg.get() is None
        msg.set(name)
        assert msg.get() == name
        assert message.values == []
        return "5"

    async def set_both_async(name: str, msg: func.Out[str]) -> str:
        return set_both(name, msg)

    call: Any = set_both_async if is_async else set_both
    invoker = prepared(
        activity(call, output("queue", "msg"), output("queue")), outputs=[message.output, returned.output]
    )
    assert asyncio.run(invoker.acall("x")) is None  # an explicit $return takes the value
    assert (message.values, returned.values) == (["x"], ["5"])


def test_outputs_that_were_not_set_are_not_written(prepared: Prepare) -> None:
    message, returned = Written("msg"), Written()
    invoker = prepared(
        activity(lambda name, msg: None, output("queue", "msg"), output("queue")),
        outputs=[message.output, returned.output],
    )
    asyncio.run(invoker.acall("x"))
    assert message.values == returned.values == []


def test_a_failing_function_or_encoding_writes_nothing_at_all(prepared: Prepare) -> None:
    def set_and_fail(name: str, msg: Any) -> str:
        msg.set("kept back")
        if name == "fail":
            raise ValueError(name)
        return "1"

    message = Written("msg")
    spec = activity(set_and_fail, output("queue", "msg"), output("queue"))
    invoker = prepared(spec, outputs=[message.output, Written(encode=refuse).output])
    with pytest.raises(ValueError, match="fail"):
        asyncio.run(invoker.acall("fail"))
    with pytest.raises(TypeError, match="cannot be written"):
        asyncio.run(invoker.acall("x"))
    assert message.values == []


def test_a_value_that_has_nowhere_to_go_is_an_error_that_names_the_remedy(prepared: Prepare) -> None:
    spec = function(lambda req: 5, binding("httpTrigger", "req"))
    with pytest.raises(RuntimeError, match=r"returned a value of type int.*\$return"):
        prepared(spec).call(None)
    assert prepared(function(lambda req: None, binding("httpTrigger", "req"))).call(None) is None


def test_a_binding_type_unknown_to_the_sdk_lets_a_returned_value_be_dropped(prepared: Prepare) -> None:
    unknown = Written("x")
    spec = function(lambda req, x: 5, binding("httpTrigger", "req"), output("twilioSms", "x"))
    assert asyncio.run(prepared(spec, outputs=[unknown.output]).acall(None)) is None


def test_the_context_tells_what_runs_and_why(prepared: Prepare) -> None:
    seen: list[Any] = []

    def keep(name: str, context: func.Context) -> None:
        seen.append(context)

    error = ValueError("before")
    invocation = Invocation("id-1", "x", trace=Trace("00-a-b-01", "k=v"), retry=Retry(2, 5, error))
    prepared(activity(keep, name="act")).call_invocation(invocation)
    assert isinstance(seen[0], func.Context)
    context: Any = seen[0]
    assert (context.invocation_id, context.function_name, context.function_directory) == ("id-1", "act", "/app")
    assert (context.trace_context.trace_parent, context.trace_context.Tracestate) == ("00-a-b-01", "k=v")
    assert (context.retry_context.retry_count, context.retry_context.max_retry_count) == (2, 5)
    assert context.retry_context.exception is context.retry_context.rpc_exception is error


def test_a_thread_of_user_code_is_found_by_the_invocation_id_it_sets(prepared: Prepare) -> None:
    found: list[Current | None] = []

    def start_thread(name: str, context: Any) -> None:
        def work() -> None:
            found.append(current())
            context.thread_local_storage.invocation_id = context.invocation_id
            found.append(current())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(5)

    prepared(activity(start_thread, name="act")).call("x")
    before, after = found
    assert before is None
    assert after is not None
    assert after.function == "act"


def test_what_is_printed_is_flushed(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1
            raise ValueError("closed by user code")

    stream = Stream()
    monkeypatch.setattr("sys.stdout", stream)
    prepared(activity(lambda name: None)).call("x")
    assert stream.flushed == 1


def test_a_failure_is_one_error_with_the_traceback(prepared: Prepare, caplog: pytest.LogCaptureFixture) -> None:
    def fail(name: str) -> None:
        raise LookupError("what is missing")

    spec = activity(fail, name="act")
    with pytest.raises(LookupError):
        prepared(spec, log=InvocationLog(spec, "none")).call("x")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("Function.act", logging.ERROR)
    assert record.getMessage().startswith("Executed 'Functions.act' (Failed, Id=")
    assert "what is missing" in caplog.text


def test_middleware_surrounds_the_invocation_the_first_one_outermost(prepared: Prepare) -> None:
    order: list[str] = []

    def named(name: str) -> Callable[[Invocation, Invoke], Awaitable[Any]]:
        async def middleware(invocation: Invocation, call_next: Invoke) -> Any:
            order.append(f"{name} in")
            answer = await call_next(invocation)
            order.append(f"{name} out")
            return f"{name}({answer})"

        return middleware

    invoker = prepared(activity(lambda name: order.append("call") or name), middleware=[named("a"), named("b")])
    assert asyncio.run(invoker.acall("x")) == "a(b(x))"
    assert order == ["a in", "b in", "call", "b out", "a out"]
