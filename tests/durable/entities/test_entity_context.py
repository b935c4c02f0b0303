"""What an entity function sees and may ask for."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import azure.durable_functions as df
import pytest

from durable.entities.playing import OTHER, EntityFunction, answers, called, error, later, play, raised
from durable.own_values import Money
from durable.releases import needs_central_codec
from funchost.durable.entities.messages import read_request
from funchost.durable.entities.state import EntityState
from funchost.durable.entities.step import EntityStep


def answer(function: EntityFunction, value: Any = None, *, state: str | None = None) -> Any:
    """What a call gets from an entity whose function sets what ``function`` returns as its result."""

    def entity(context: Any) -> None:
        context.set_result(function(context))

    before = EntityState(exists=state is not None, state=state)
    return answers(play(entity, called("op", value), state=before))["op"]


def stored(function: EntityFunction, *, state: str | None = None) -> str | None:
    return play(function, called("op"), state=EntityState(exists=state is not None, state=state)).state.state


# --- facts -------------------------------------------------------------------------------------------


def test_the_context_is_an_instance_of_the_sdk_s_class():
    from azure.durable_functions.models import DurableEntityContext

    assert answer(lambda context: isinstance(context, DurableEntityContext)) is True


def test_facts_of_the_entity_and_its_operation():
    def facts(context: Any) -> Any:
        return [context.entity_name, context.entity_key, context.operation_name, context.is_newly_constructed]

    assert answer(facts) == ["counter", "a", "op", False]


def test_an_operation_without_a_name_fails_when_it_is_asked_for():
    step = play(lambda context: context.operation_name, called(None, id="g"))
    assert answers(step) == {"g": error("Entity operation is unassigned")}


def test_the_time_is_aware_and_that_of_the_batch():
    assert answer(lambda context: context.current_utc_datetime.isoformat()) == "2025-03-01T12:00:00+00:00"


# --- input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, "", False, [], {}, "text", "5", 1.5, [1, {"a": None}], None])
def test_the_input_arrives_as_it_was_given(value: Any):
    assert answer(lambda context: context.get_input(), value) == value


@pytest.mark.parametrize(("text", "value"), [("5", 5), ('"5"', 5), ('"text"', "text"), ('{"a":1}', {"a": 1})])
def test_an_input_that_was_sent_plainly_arrives_as_it_was_meant(text: str, value: Any):
    assert answer_to_text(text) == value


def answer_to_text(text: str) -> Any:
    event = raised("op", json.dumps({"op": "op", "id": "op", "parent": "caller", "input": text}))
    return answers(play(lambda context: context.set_result(context.get_input()), event))["op"]


def test_every_look_at_the_input_gives_a_fresh_object():
    def twice(context: Any) -> Any:
        context.get_input().append(2)
        return context.get_input()

    assert answer(twice, [1]) == [1]


def test_custom_objects_come_through_input_and_state():
    def keep(context: Any) -> Any:
        context.set_state(context.get_input(expected_type=Money))

    step = play(keep, called("op", Money(5)))
    assert answer(lambda context: context.get_state(expected_type=Money).amount, state=step.state.state) == 5


@needs_central_codec
def test_strict_typing_wants_the_type_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")
    state = stored(lambda context: context.set_state(Money(5)))
    assert answer(lambda context: context.get_state(expected_type=Money).amount, state=state) == 5
    assert "expected_type" in answer(lambda context: context.get_state().amount, state=state)


# --- state -------------------------------------------------------------------------------------------


def test_an_initializer_makes_a_state_that_is_not_stored_before_it_is_set():
    def look(context: Any) -> None:
        context.get_state(lambda: [0]).append(1)

    step = play(look, called("op"))
    assert (step.state.exists, step.state.state) == (False, None)
    assert answer(lambda context: context.get_state(lambda: 7)) == 7
    assert answer(lambda context: context.get_state(lambda: 7), state="5") == 5


def test_an_initializer_that_cannot_be_called_is_refused():
    assert answer(lambda context: context.get_state(7)) == error("initializer argument needs to be a callable function")


def test_a_state_that_is_changed_in_place_is_kept():
    assert stored(lambda context: context.get_state().append(2), state="[1]") == "[1, 2]"


def test_a_state_that_nobody_looked_at_is_kept_to_the_letter():
    assert stored(lambda context: context.get_input(), state='{"a" :1}') == '{"a" :1}'


def test_a_result_makes_the_entity_exist():
    step = play(lambda context: context.set_result(1), called("op"))
    assert (step.state.exists, step.state.state) == (True, "null")


def test_an_entity_is_deleted_unless_it_is_set_again():
    def delete(context: Any) -> None:
        context.set_state(1)
        context.destruct_on_exit()

    def revive(context: Any) -> None:
        context.destruct_on_exit()
        assert context.get_state() is None
        context.set_state(2)

    assert play(delete, called("op"), state=EntityState(exists=True, state="1")).state == EntityState()
    assert play(revive, called("op"), state=EntityState(exists=True, state="1")).state.state == "2"


def test_a_state_that_is_no_json_fails_who_asks_for_it_with_the_reason():
    told = answer(lambda context: context.get_state(), state="{broken")
    assert isinstance(told, error)
    assert told.startswith("the stored state of entity @counter@a cannot be decoded: Expecting")


# --- signals and starts ------------------------------------------------------------------------------


def asked(function: EntityFunction) -> EntityStep:
    step = play(function, called("op"))
    assert answers(step)["op"] is None, answers(step)
    return step


@pytest.mark.parametrize("target", [df.EntityId("COUNTER", "b"), OTHER, SimpleNamespace(name="counter", key="b")])
def test_another_entity_is_signalled(target: Any):
    step = asked(lambda context: context.signal_entity(target, "add", [5]))
    message = step.messages[-1]
    request = read_request(message.input)
    assert (message.to, message.name, message.due, message.execution) == ("@counter@b", "op", None, None)
    assert (request.op, request.signal, request.input, request.parent) == ("add", True, '"[5]"', "@counter@a")
    assert request.id == "00000000-0000-0000-0000-000000000001"
    assert request.parent_execution is None


def test_a_signal_without_an_input_is_sent_as_an_orchestrator_sends_it():
    message = asked(lambda context: context.signal_entity(OTHER, "get")).messages[-1]
    assert read_request(message.input).input == '"null"'


@pytest.mark.parametrize(
    "at",
    [timedelta(minutes=1), datetime(2025, 3, 1, 12, 1), datetime.fromisoformat("2025-03-01T13:01:00+01:00")],
)
def test_a_signal_may_be_scheduled(at: Any):
    step = asked(lambda context: context.signal_entity(OTHER, "add", at=at))
    message = step.messages[-1]
    assert (message.name, message.due) == ("op@2025-03-01T12:01:00Z", later(60))
    assert read_request(message.input).due_at == later(60)


def test_an_orchestration_is_started_under_an_id_that_the_code_gets():
    def start(context: Any) -> Any:
        return context.start_new("ship", {"a": 1})

    step = play(lambda context: context.set_result(start(context)), called("op"))
    (started,) = step.starts
    assert answers(step)["op"] == started.instance_id == "00000000000000000000000000000001"
    assert (started.name, started.input) == ("Ship", '"{\\"a\\": 1}"')
    assert (started.version, started.tags, started.start_at) == (None, None, None)


def test_a_start_may_say_everything_about_itself():
    def start(context: Any) -> None:
        times = {"start_at": context.current_utc_datetime + timedelta(seconds=5)}
        context.start_new("Ship", instance_id="order-17", version="2", tags={"by": "counter"}, **times)

    (started,) = asked(start).starts
    assert (started.instance_id, started.version, started.tags) == ("order-17", "2", {"by": "counter"})
    assert (started.input, started.start_at) == (None, later(5))


def test_an_orchestrator_is_known_by_its_decorated_function():
    app: Any = df.DFApp()

    @app.orchestration_trigger(context_name="context")
    def ship(context: Any) -> Any:
        return None

    (started,) = asked(lambda context: context.start_new(ship)).starts
    assert started.name == "Ship"


REFUSED: list[tuple[EntityFunction, str]] = [
    (lambda c: c.signal_entity(df.EntityId("nobody", "b"), "add"), "The function 'nobody' doesn't exist"),
    (lambda c: c.signal_entity("@counter@b", "add"), "an entity is named by an EntityId"),
    (lambda c: c.signal_entity(df.EntityId("counter", "a/b"), "add"), "entity keys must not contain /"),
    (lambda c: c.signal_entity(df.EntityId("counter", "o\ud800"), "add"), "entity keys must not contain /"),
    (lambda c: c.start_new("Ship", instance_id="o\ud800"), "instanceId (Parameter"),
    (lambda c: c.signal_entity(OTHER, "add", {1, 2}), "class <class 'set'> does not expose"),
    (lambda c: c.signal_entity(OTHER, "add", at="soon"), "at: Expected valid datetime object but got 'soon'"),
    (lambda c: c.signal_entity(OTHER, "add", at=timedelta.max), "at: the time is outside the years 1 to 9999"),
    (lambda c: c.start_new("Ship", start_at=timedelta.max), "start_at: the time is outside the years 1 to 9999"),
    (lambda c: c.signal_entity(OTHER, 5), "the operation of an entity is named by text, not by an object of type int"),
    (lambda c: c.signal_entity(OTHER, None), "the operation of an entity is named by text"),
    (lambda c: c.signal_entity(OTHER, "\ud800"), "the operation of an entity: half of a surrogate pair"),
    (lambda c: c.start_new("Ship", tags={"a": 5}), "tags: a name and its value are text, but got 'a': 5"),
    (lambda c: c.start_new("Ship", tags={"a=b": "x"}), "tags: a name has at least one character and no equals sign"),
    (lambda c: c.start_new("Ship", tags={"a": "\ud800"}), "tags: a: half of a surrogate pair is no Unicode text"),
    (lambda c: c.start_new("Ship", version=2), "version: expected text, but got an object of type int"),
    (lambda c: c.start_new("nobody"), "The function 'nobody' doesn't exist"),
    (lambda c: c.start_new(print), "a plain function was passed"),
    (lambda c: c.start_new("Ship", instance_id="@counter@b"), "instanceId (Parameter"),
]


@pytest.mark.parametrize(("ask", "text"), REFUSED)
def test_what_cannot_be_sent_is_refused_at_the_call(ask: EntityFunction, text: str):
    step = play(ask, called("op"))
    assert answers(step)["op"].startswith(text), answers(step)
    assert (len(step.messages), len(step.starts)) == (1, 0)


def test_code_that_outlives_its_batch_sends_nothing():
    kept: list[Any] = []
    play(kept.append, called("op"))
    with pytest.raises(RuntimeError, match="the entity's operations are over"):
        kept[0].signal_entity(OTHER, "add")
    with pytest.raises(RuntimeError, match="the entity's operations are over"):
        kept[0].start_new("Ship")
