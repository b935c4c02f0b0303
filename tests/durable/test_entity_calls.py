"""Calls of entities and signals to them, as an orchestration sees and records them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import azure.durable_functions as df
import pytest

from durable.driver import INSTANCE, Played, elapse, failure_of, play, post, raised, result_of, settle, together
from durable.own_values import Money
from durable.world import START, Mode, Slow
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import succeeded
from funchost.durable.events import EventRaised, EventSent, ExecutionStarted, HistoryEvent
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

A, B = df.EntityId("Counter", "a"), df.EntityId("Counter", "b")


def counter(context: Any) -> None:
    match context.operation_name:
        case "add":
            context.set_state(context.get_state(int) + context.get_input())
            context.set_result(context.get_state())
        case "echo":
            context.set_result(context.get_input())
        case "fail":
            raise ValueError(context.get_input())
        case _:
            context.set_result(context.get_state())


ENTITIES = {"Counter": counter}


def only(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An orchestrator that yields one task and returns its result."""

    def main(context: Any) -> Any:
        return (yield call(context))

    return main


# --- calls ------------------------------------------------------------------------------------------


def test_a_call_gives_the_result_of_the_operation():
    def main(context: Any) -> Any:
        yield context.call_entity(A, "add", 5)
        return (yield context.call_entity(entityId=A, operationName="add", operationInput=2))

    assert result_of(main, entities=ENTITIES) == 7


def test_a_call_is_an_event_sent_and_its_answer_an_event_raised_under_the_request_s_id():
    played = play(only(lambda context: context.call_entity(A, "add", 5)), entities=ENTITIES)
    (sent,), (answer,) = played.of(EventSent), played.of(EventRaised)
    request = json.loads(sent.input)
    assert (sent.event_id, sent.name, sent.instance_id) == (0, "op", "@counter@a")
    assert (request["op"], request["input"], request["parent"]) == ("add", '"5"', "it")
    assert request["parentExecution"] == played.of(ExecutionStarted)[0].execution_id
    assert answer.name == request["id"] == str(UUID(request["id"]))
    assert "signal" not in request


def test_ids_of_requests_differ_by_number_and_execution():
    def main(context: Any) -> Any:
        yield context.task_all([context.call_entity(A, "add", 1), context.call_entity(A, "add", 1)])

    played = play(main, lambda world: world.start("main", InstanceId("other")), entities=ENTITIES)
    others = played.world.instances[InstanceId("other")].live.past
    sent = [e for e in (*played.history, *others) if isinstance(e, EventSent)]
    assert len({json.loads(event.input or "")["id"] for event in sent}) == 4


@pytest.mark.parametrize("value", [None, 0, "", False, [], {}, "text", 1.5, [1, {"a": None}]])
def test_arguments_and_results_arrive_as_they_were_given(value: Any):
    assert result_of(only(lambda context: context.call_entity(A, "echo", value)), entities=ENTITIES) == value


def test_a_result_is_decoded_to_the_expected_type():
    def main(context: Any) -> Any:
        money = yield context.call_entity(A, "echo", Money(3), expected_type=Money)
        return [type(money).__name__, money.amount]

    assert result_of(main, entities=ENTITIES) == ["Money", 3]


def test_an_error_of_the_entity_is_thrown_with_its_text():
    def main(context: Any) -> Any:
        try:
            yield context.call_entity(A, "fail", "no money left")
        except Exception as error:
            return [type(error).__name__, str(error)]

    assert result_of(main, entities=ENTITIES) == ["Exception", "no money left"]


def test_an_error_that_nobody_catches_fails_the_orchestration():
    text = failure_of(only(lambda context: context.call_entity(A, "fail", "boom")), entities=ENTITIES)
    assert text == "Orchestrator function 'main' failed: boom"


def test_calls_do_not_keep_an_instance_open():
    def main(context: Any) -> Any:
        yield context.task_any([context.call_entity(A, "add", 1), context.wait_for_external_event("go")])
        return "done"

    steps = together(raised("go"))
    assert play(main, steps, entities=ENTITIES).status is RuntimeStatus.COMPLETED


def test_a_call_that_lost_a_race_is_still_carried_out():
    def main(context: Any) -> Any:
        call = context.call_entity(A, "add", 1)
        yield context.task_any([call, context.wait_for_external_event("go")])
        return call.is_completed

    played = play(main, settle, raised("go"), entities=ENTITIES)
    assert played.output is False
    assert played.world.entity("counter", "a").state == "1"


def test_calls_draw_numbers_as_activities_do():
    def main(context: Any) -> Any:
        yield context.task_all([context.call_entity(A, "add", 1), context.call_activity("echo", 1)])

    words = play(main, entities=ENTITIES, activities={"echo": lambda value: value}).words
    assert words[1:3] == ["EventSent 0 op @counter@a", "TaskScheduled 1 echo"]


class Operation(str, Enum):  # noqa: UP042 - what apps have
    ADD = "add"


def test_an_operation_may_be_named_by_an_enumeration_and_an_entity_by_anything_with_name_and_key():
    @dataclass
    class Address:
        name: str
        key: str

    def main(context: Any) -> Any:
        yield context.call_entity(EntityKey("COUNTER", "a"), Operation.ADD, 1)
        return (yield context.call_entity(Address("cOUNTER", "a"), Operation.ADD, 1))

    assert result_of(main, entities=ENTITIES) == 2


@pytest.mark.parametrize("entity", [None, "", "@counter@a", EntityKey, df.EntityId("counter", None), 5])  # type: ignore[arg-type]
@pytest.mark.parametrize("method", ["call_entity", "signal_entity"])
def test_what_is_no_entity_is_a_value_error_in_user_code(method: str, entity: Any):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match="entity"):
            getattr(context, method)(entity, "add", 1)
        return "caught"

    assert result_of(main, entities=ENTITIES) == "caught"


@pytest.mark.parametrize("key", ["a/b", "a\nb", "a\ud800"])
@pytest.mark.parametrize("method", ["call_entity", "signal_entity", "lock"])
def test_a_key_that_no_entity_can_have_is_refused_at_the_call(method: str, key: str):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match="entity keys must not contain"):
            getattr(context, method)(df.EntityId("counter", key), *(() if method == "lock" else ("add",)))
        return "caught"

    assert result_of(main, entities=ENTITIES) == "caught"


def test_what_cannot_be_sent_is_refused_at_the_call():
    def main(context: Any) -> Any:
        with pytest.raises(TypeError):
            context.call_entity(A, "add", object())
        with pytest.raises(ValueError, match="named by text, not by an object of type NoneType"):
            context.signal_entity(A, None)
        for ask in (context.call_entity, context.signal_entity):
            with pytest.raises(ValueError, match="the operation of an entity: half of a surrogate pair"):
                ask(A, "add\ud800")
        return "caught"

    played = play(main, entities=ENTITIES)
    assert (played.output, played.of(EventSent)) == ("caught", [])


@pytest.mark.parametrize("method", ["call_entity", "signal_entity", "lock"])
def test_an_unknown_entity_fails_the_orchestration_where_no_handler_sees_it(method: str):
    def main(context: Any) -> Any:
        try:
            yield getattr(context, method)(df.EntityId("nobody", "a"), *(() if method == "lock" else ("add",)))
        except Exception:
            return "caught"

    played = play(main, entities=ENTITIES)
    assert str(played.output).startswith(
        "Orchestrator function 'main' failed: The function 'nobody' doesn't exist, is disabled, or is not an entity "
        "function. Additional info: The following are the known entity functions: 'Counter'."
    )
    assert played.of(EventSent) == []


# --- answers ----------------------------------------------------------------------------------------

GUID = "0000000a-0001-0002-0304-05060708090a"


def test_an_external_event_may_have_a_name_that_looks_like_a_request():
    def main(context: Any) -> Any:
        yield context.call_entity(A, "add", 1)
        return (yield context.wait_for_external_event(GUID))

    assert result_of(main, raised(GUID, "early"), entities=ENTITIES) == "early"


def test_the_answer_of_an_unknown_request_wakes_nothing():
    def main(context: Any) -> Any:
        return (yield context.call_entity(A, "add", 1))

    stray = post(lambda now: EventRaised(timestamp=now, name=GUID, input=succeeded("99")))
    assert result_of(main, stray, entities=ENTITIES) == 1


def answer_again(played_in: list[str]) -> Callable[[Any], None]:
    """Deliver the first request's answer a second time, with another result."""

    def step(world: Any) -> None:
        past: list[HistoryEvent] = world.instances[INSTANCE].live.past
        request = json.loads(next(e for e in past if isinstance(e, EventSent)).input or "")["id"]
        played_in.append(request)
        world.post(INSTANCE, EventRaised(timestamp=world.now, name=request, input=succeeded('"again"')))

    return step


def test_a_repeated_answer_is_no_external_event_for_a_later_wait():
    requests: list[str] = []

    def main(context: Any) -> Any:
        first = yield context.call_entity(A, "add", 1)
        yield context.wait_for_external_event("go")
        wait = context.wait_for_external_event(requests[-1])
        yield context.task_any([wait, context.create_timer(context.current_utc_datetime + timedelta(seconds=1))])
        return [first, wait.is_completed]

    assert result_of(main, elapse(1), answer_again(requests), raised("go"), entities=ENTITIES) == [1, False]


def test_an_answer_is_not_carried_over_to_the_next_generation():
    def main(context: Any) -> Any:
        if context.get_input():
            return len([event for event in context.histories if event.event_type == 15])
        call = context.call_entity(A, "add", 1)
        yield context.task_any([call, context.wait_for_external_event("go")])
        context.continue_as_new(1)

    # The answer arrives behind the event, in one batch.
    assert result_of(main, settle, raised("go"), entities=ENTITIES) == 0


@pytest.mark.parametrize("text", [None, "", "{not json", "[]", '"text"'])
def test_an_answer_that_cannot_be_read_is_a_failure_of_the_call(text: str | None):
    def main(context: Any) -> Any:
        try:
            yield context.call_entity(A, "add", 1)
        except Exception as error:
            return str(error)

    def answer(world: Any) -> None:
        world.run(until=START)
        (sent,) = [e for e in world.instances[INSTANCE].live.past if isinstance(e, EventSent)]
        event = EventRaised(timestamp=world.now, name=json.loads(sent.input or "")["id"], input=text)
        world.post(INSTANCE, event, due=START)

    assert "not a response of an entity" in result_of(main, answer, entities=ENTITIES)


# --- histories of other engines ---------------------------------------------------------------------


def test_a_history_of_another_engine_is_taken_up_with_the_ids_that_it_holds():
    def main(context: Any) -> Any:
        added = yield context.call_entity(A, "add", 7)
        return [added, (yield context.call_entity(B, "add", 1))]

    now, run = Instant(START), ExecutionId("c255e1b64c034dd4840167d50637db43")
    other = f'{{"$type":"Request","op":"add","input":"7","id":"{GUID}","parent":"it","parentExecution":"{run}"}}'
    started = ExecutionStarted(timestamp=now, name="main", instance_id=INSTANCE, execution_id=run)
    sent = EventSent(timestamp=now, event_id=0, instance_id=InstanceId("@counter@a"), name="op", input=other)
    functions = DurableFunctions([Orchestrator("main", main)], [], entities=[Entity("counter", main)])
    execution = Execution(run, functions, EngineSettings())
    step = execution.replay([started, sent], [EventRaised(timestamp=now, name=GUID, input=succeeded("7"))], now)
    assert [type(event).__name__ for event in step.events[2:3]] == ["EventSent"]
    assert step.sent[0].to == "@counter@b"
    execution.close()


def test_the_history_that_user_code_sees_has_the_names_of_the_wire_format():
    def main(context: Any) -> Any:
        yield context.call_entity(A, "add", 1)
        (sent,) = [event for event in context.histories if event.event_type == 14]
        (answer,) = [event for event in context.histories if event.event_type == 15]
        return [sent.Name, sent.InstanceId, json.loads(sent.Input)["id"] == answer.Name, json.loads(answer.Input)]

    assert result_of(main, entities=ENTITIES) == ["op", "@counter@a", True, {"result": "1"}]


# --- signals ----------------------------------------------------------------------------------------


def signals(played: Played) -> list[dict[str, Any]]:
    return [json.loads(event.input) for event in played.of(EventSent)]


def test_a_signal_is_sent_at_the_call_and_nobody_answers():
    def main(context: Any) -> Any:
        context.signal_entity(A, "add", 5)
        context.signal_entity(entityId=A, operationName="add", operationInput=6)

    played = play(main, entities=ENTITIES)
    assert [(s["op"], s["signal"], s["input"]) for s in signals(played)] == [("add", True, '"5"'), ("add", True, '"6"')]
    assert played.of(EventRaised) == []
    assert played.world.entity("counter", "a").state == "11"


def test_yielding_a_signal_sends_it_once_and_goes_on():
    def main(context: Any) -> Any:
        task = context.signal_entity(A, "add", 5)
        first = yield task
        yield context.task_all([task, context.call_activity("echo")])
        return [first, task.is_completed]

    played = play(main, entities=ENTITIES, activities={"echo": lambda value: value})
    assert played.output == [None, True]
    assert len(signals(played)) == 1


@pytest.mark.parametrize("at", [timedelta(minutes=1), datetime(2024, 1, 1, 0, 1)])
def test_a_scheduled_signal_arrives_at_its_time(at: Any):
    def main(context: Any) -> Any:
        context.signal_entity(A, "add", 5, at=at)

    played = play(
        main, elapse(59), lambda world: world.entity("counter", "a").operations.append("a minute"), entities=ENTITIES
    )
    (sent,) = played.of(EventSent)
    assert played.world.entity("counter", "a").operations == ["a minute", "add"]
    assert sent.name == f"op@{json.loads(sent.input)['due']}"
    assert sent.name.startswith("op@2024-01-01T00:01:00")


def test_signals_before_continue_as_new_are_sent_and_later_ones_are_not():
    def main(context: Any) -> Any:
        if context.get_input():
            return "done"
        context.signal_entity(A, "add", 1)
        context.continue_as_new(1)
        context.signal_entity(A, "add", 10)
        yield context.signal_entity(A, "add", 100)

    assert play(main, entities=ENTITIES).world.entity("counter", "a").state == "1"


def test_signals_and_calls_of_one_orchestration_arrive_in_their_order():
    def main(context: Any) -> Any:
        context.signal_entity(A, "one")
        call = context.call_entity(A, "two")
        context.signal_entity(A, "three")
        yield call

    # A call is asked for when it is yielded, a signal when it is made.
    assert play(main, entities=ENTITIES).world.entity("counter", "a").operations == ["one", "three", "two"]


def test_a_signal_from_a_finally_block_of_code_that_is_closed_is_not_sent():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("slow")
            yield context.call_activity("slow")
        except GeneratorExit:
            context.signal_entity(A, "add", 1)
            context.call_entity(A, "add", 1)
            raise

    played = play(main, entities=ENTITIES, activities={"slow": Slow(1, lambda value: value)})
    assert played.of(EventSent) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_from_a_generator_that_outlives_its_exit_is_not_sent():
    survivors: list[Any] = []

    def stubborn(context: Any) -> Any:
        while True:
            try:
                return (yield context.task_all([context.call_activity("slow", n) for n in range(2)]))
            except GeneratorExit:
                survivors.append(context)

    def signal(world: Any) -> None:
        for context in survivors:
            context.signal_entity(A, "add", 1)

    activities = {"slow": Slow(1, lambda value: value)}
    played = play(stubborn, settle, signal, entities=ENTITIES, activities=activities, modes=[Mode.RECORDED])
    assert survivors
    assert played.of(EventSent) == []
