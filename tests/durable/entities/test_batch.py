"""The author's function and the operations of a batch: what fails, what stays, what goes out."""

import functools
from typing import Any

import pytest

from durable.entities.playing import (
    CALLER,
    COUNTER,
    NOW,
    OTHER,
    answers,
    called,
    counter,
    engine_of,
    error,
    play,
    request,
    signalled,
)
from funchost.durable.entities.batch import BatchEnded, BatchResult, all_failed
from funchost.durable.entities.state import EntityState
from funchost.durable.entities.step import conclude, deliver
from funchost.errors import FunctionTimeout, OutOfTime

FIVE = EntityState(exists=True, state="5")
TIMEOUT = FunctionTimeout("Counter", "i", "00:05:00")
OVER = error("Timeout value of 00:05:00 was exceeded by function: Functions.Counter")


def test_operations_run_in_order_on_one_state():
    step = play(counter, called("add", 5), signalled("add", 1), called("get"))
    assert answers(step) == {"add": 5, "get": 6}
    assert (step.state.exists, step.state.state) == (True, "6")
    assert [(one.request.op, one.error) for one in step.operations] == [("add", None), ("add", None), ("get", None)]


def test_a_state_that_is_set_unread_is_what_later_operations_get():
    def entity(context: Any) -> None:
        if context.operation_name == "set":
            context.set_state(10)
        context.set_result(context.get_state() if context.operation_name == "get" else "set")

    step = play(entity, called("set"), called("get"), state=FIVE)
    assert (answers(step), step.state.state) == ({"set": "set", "get": 10}, "10")


def test_a_result_is_that_of_its_own_operation():
    step = play(counter, called("get"), called("delete"))
    assert answers(step) == {"get": 0, "delete": None}


def test_a_result_is_what_it_was_when_its_operation_ended():
    def append(context: Any) -> None:
        state = context.get_state(list)
        state.append(len(state))
        context.set_state(state)
        context.set_result(state)

    assert answers(play(append, called("a"), called("b"))) == {"a": [0], "b": [0, 1]}


# --- failures ----------------------------------------------------------------------------------------


def test_an_operation_that_raises_fails_alone_and_what_it_set_stays():
    step = play(counter, called("add", 5), called("fail"), called("get"))
    assert answers(step) == {"add": 5, "fail": error("op failed"), "get": 6}
    failed = step.operations[1]
    assert failed.error == "op failed"
    assert failed.traceback is not None
    assert failed.traceback.endswith("RuntimeError: op failed\n")


def test_what_a_failed_operation_had_sent_goes_out_with_the_state_that_it_set():
    def signal_and_fail(context: Any) -> None:
        context.signal_entity(OTHER, "add", 1)
        context.start_new("Ship")
        raise ValueError("boom")

    step = play(signal_and_fail, called("op"))
    assert [message.to for message in step.messages] == [CALLER, "@counter@b"]
    assert len(step.starts) == 1


@pytest.mark.parametrize("raised", [SystemExit(2), KeyboardInterrupt(), GeneratorExit()])
def test_even_what_would_end_a_process_ends_its_operation_only(raised: BaseException):
    def end(context: Any) -> None:
        if context.operation_name == "end":
            raise raised

    told = answers(play(end, called("end"), called("go on")))
    assert isinstance(told["end"], error)
    assert told["go on"] is None


def test_a_result_that_cannot_be_serialised_fails_its_own_operation_by_name():
    def results(context: Any) -> None:
        context.set_state("kept")
        context.set_result({1, 2} if context.operation_name == "bad" else "fine")

    step = play(results, called("bad"), called("good"))
    told = answers(step)
    assert told["bad"].startswith("the result of operation 'bad' cannot be serialised: class <class 'set'>")
    assert (told["good"], step.state.state) == ("fine", '"kept"')


def test_a_state_that_cannot_be_serialised_fails_every_operation_and_leaves_all_as_it_was():
    def spoil(context: Any) -> None:
        context.signal_entity(OTHER, "add", 1)
        context.set_state({1, 2})

    step = play(spoil, called("a"), called("b"), state=FIVE)
    texts = {str(told) for told in answers(step).values()}
    assert len(step.messages) == 2
    assert texts == {next(iter(texts))}
    assert next(iter(texts)).startswith("the state of entity @counter@a cannot be serialised: class <class 'set'>")
    assert (step.state, step.starts) == (FIVE, ())


def test_a_state_that_cannot_be_decoded_fails_only_those_who_ask_for_it():
    def entity(context: Any) -> None:
        if context.operation_name == "heal":
            context.set_state(1)
        elif context.operation_name == "get":
            context.set_result(context.get_state())

    broken = EntityState(exists=True, state="{broken")
    assert play(entity, called("get"), called("nothing"), state=broken).state == broken
    told = answers(
        play(entity, called("get", id="first"), called("nothing"), called("heal"), called("get"), state=broken)
    )
    assert isinstance(told.pop("first"), error)
    assert told == {"nothing": None, "heal": None, "get": 1}


def test_an_entity_that_the_app_does_not_have_answers_with_those_that_it_has():
    step = play(None, called("add", 1), signalled("add", 1), state=FIVE)
    text = "The function 'counter' doesn't exist, is disabled, or is not an entity function."
    assert answers(step)["add"].startswith(text)
    assert [one.error is not None for one in step.operations] == [True, True]
    assert (len(step.messages), step.state) == (1, FIVE)


# --- kinds of functions ------------------------------------------------------------------------------


async def async_counter(context: Any) -> None:
    counter(context)


@functools.wraps(counter)
def wrapped(context: Any) -> Any:
    return async_counter(context)


@pytest.mark.parametrize("function", [async_counter, wrapped, functools.partial(async_counter)])
def test_async_functions_run_to_their_end_however_they_are_wrapped(function: Any):
    step = play(function, called("add", 5), called("fail"))
    assert answers(step) == {"add": 5, "fail": error("op failed")}
    assert step.state.state == "6"


def test_a_function_that_yields_is_told_what_to_write_instead():
    def generator(context: Any) -> Any:
        yield context.set_state(1)

    told = answers(play(generator, called("op")))["op"]
    assert told.startswith("the entity function Counter is a generator")


# --- ends from outside -------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [BatchEnded, OutOfTime, TIMEOUT])
def test_who_ends_the_code_from_outside_is_not_taken_for_a_failure(ended: type[BaseException] | BaseException):
    class Stubborn:
        def to_json(self) -> str:
            raise ended

    def stop(context: Any) -> None:
        raise ended

    kind = ended if isinstance(ended, type) else type(ended)
    with pytest.raises(kind):
        play(stop, called("op"))
    with pytest.raises(kind):
        play(lambda context: context.set_state(Stubborn()), called("op"))


def test_a_batch_whose_thread_hangs_can_be_concluded_without_it():
    engine = engine_of(counter)
    delivered = deliver(COUNTER, FIVE, [called("add", 1), called("get")], NOW, engine)
    result = BatchResult(all_failed(delivered.operations, TIMEOUT.text), FIVE.exists, FIVE.state)
    step = conclude(delivered, result, engine)
    assert (answers(step), step.state) == ({"add": OVER, "get": OVER}, FIVE)


def test_the_requests_of_a_batch_are_left_as_they_were():
    before = request("add", 1)
    copy = request("add", 1)
    play(counter, state=EntityState(queue=(before,)))
    assert before == copy
