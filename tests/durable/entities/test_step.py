"""One step of an entity: answers, locks, limits, and what is stored."""

import json
from collections.abc import Callable
from typing import Any

from durable.entities.playing import (
    CALLER,
    COUNTER,
    NOW,
    OTHER,
    WINDOW,
    answers,
    called,
    counter,
    engine_of,
    error,
    locking,
    messages_to,
    play,
    raised,
    releasing,
    signalled,
)
from funchost.durable.entities.messages import LOCK_ACQUIRED, UNLABELLED, read_request, read_response
from funchost.durable.entities.state import EntityState, read_state
from funchost.durable.entities.step import conclude, deliver, refuse, run_operations
from funchost.ids import ExecutionId, InstanceId


def test_an_answer_goes_to_the_run_that_asked():
    (answer,) = play(counter, called("get", parent_execution=ExecutionId("run 1"))).messages
    assert (answer.to, answer.name, answer.execution, answer.due) == (CALLER, "get", "run 1", None)
    assert json.loads(answer.input or "") == {"result": "0"}


def test_nobody_answers_a_signal():
    assert play(counter, signalled("add", 1), signalled("fail")).messages == []


def test_the_state_that_a_step_came_from_is_as_it_was():
    state = play(counter, called("add", 1), locking("p"), called("get"), window=WINDOW).state
    text = state.to_json()
    play(counter, called("add", 1), releasing("p"), locking("q"), state=state, window=WINDOW)
    assert state.to_json() == text


# --- limits ------------------------------------------------------------------------------------------


def test_what_is_more_than_a_batch_is_done_in_the_next_step():
    step = play(counter, called("add", 1, id="a"), called("add", 1, id="b"), called("get"), max_batch=2)
    assert answers(step) == {"a": 1, "b": 2}
    (wake,) = messages_to(COUNTER, step)
    assert (wake.name, wake.input) == ("continue", None)
    rest = play(counter, raised("continue", None), state=step.state)
    assert (answers(rest), rest.state.queue) == ({"get": 2}, ())


def test_an_entity_that_another_engine_has_suspended_goes_on():
    waiting = play(counter, called("get", id="a"), called("get", id="b"), max_batch=1).state
    suspended = {**json.loads(waiting.to_json()), "suspended": True}
    step = play(counter, raised("continue", None), state=read_state(json.dumps(suspended)))
    assert answers(step) == {"b": 0}
    assert "suspended" not in step.state.to_json()


def one_may_begin() -> Callable[[], bool]:
    answers = iter([True])
    return lambda: next(answers, False)


def test_operations_for_which_there_is_no_time_are_the_first_of_the_next_step():
    engine = engine_of(counter)
    received = [called("add", 1), called("get", id="a"), called("get", id="b")]
    delivered = deliver(COUNTER, EntityState(), received, NOW, engine)
    step = conclude(delivered, run_operations(delivered, engine, one_may_begin()), engine)
    assert (answers(step), [waiting.id for waiting in step.state.queue]) == ({"add": 1}, ["a", "b"])
    assert [message.name for message in messages_to(COUNTER, step)] == ["continue"]
    rest = play(counter, raised("continue", None), called("get", id="c"), state=step.state)
    assert list(answers(rest).items()) == [("a", 1), ("b", 1), ("c", 1)]


def test_a_lock_is_not_granted_before_the_operations_that_stand_in_front_of_it():
    engine = engine_of(counter)
    received = [called("add", 1), called("get"), locking("p"), called("get", id="behind")]
    delivered = deliver(COUNTER, EntityState(), received, NOW, engine)
    step = conclude(delivered, run_operations(delivered, engine, one_may_begin()), engine)
    assert (answers(step), step.state.locked_by) == ({"add": 1}, None)
    rest = play(counter, raised("continue", None), state=step.state)
    assert (answers(rest), rest.state.locked_by) == ({"get": 1, "lock of p": LOCK_ACQUIRED}, "p")
    assert [waiting.id for waiting in rest.state.queue] == ["behind"]


# --- locks -------------------------------------------------------------------------------------------


def test_the_last_entity_of_a_lock_set_answers_the_orchestration():
    step = play(counter, locking("p", OTHER, COUNTER, pos=1))
    (answer,) = step.messages
    assert (answer.to, answer.name, answer.execution) == ("p", "lock of p", "run of p")
    assert read_response(answer.input).result == LOCK_ACQUIRED
    assert (step.state.locked_by, step.state.exists) == ("p", False)


def test_the_others_pass_the_request_on_in_the_name_of_the_orchestration():
    step = play(counter, locking("p", COUNTER, OTHER), window=WINDOW)
    (message,) = messages_to(OTHER, step)
    request = read_request(message.input)
    assert (message.name, request.pos, request.parent, request.id) == ("op", 1, "p", "lock of p")
    assert (request.parent_execution, request.timestamp) == ("run of p", UNLABELLED)
    assert step.state.locked_by == "p"


def test_operations_before_a_lock_request_run_and_those_behind_it_wait():
    step = play(counter, called("add", 1), locking("p"), called("get"))
    assert answers(step) == {"add": 1, "lock of p": LOCK_ACQUIRED}
    assert [waiting.op for waiting in step.state.queue] == ["get"]


def test_the_holder_s_requests_run_and_a_release_lets_the_others_in():
    locked = play(counter, locking("p"), called("get")).state
    within = play(counter, called("add", 5, parent=InstanceId("p")), state=locked)
    assert answers(within) == {"add": 5}
    after = play(counter, releasing("p"), state=within.state)
    assert (answers(after), after.state.locked_by) == ({"get": 5}, None)


def test_what_the_holder_had_sent_before_is_done_in_a_step_of_its_own_after_the_lock():
    step = play(counter, locking("p"), called("get"), called("add", 1, parent=InstanceId("p")))
    assert [message.name for message in messages_to(COUNTER, step)] == ["continue"]
    rest = play(counter, raised("continue", None), state=step.state)
    assert answers(rest) == {"add": 1}


def test_two_who_want_the_same_entity_get_it_one_after_the_other():
    step = play(counter, locking("p"), locking("q"))
    assert answers(step).keys() == {"lock of p"}
    after = play(counter, releasing("p"), state=step.state)
    assert (answers(after).keys(), after.state.locked_by) == ({"lock of q"}, "q")


def test_who_holds_an_entity_gets_it_again_at_once():
    locked = play(counter, locking("p")).state
    again = play(counter, locking("p", lock_id="second"), state=locked)
    assert answers(again).keys() == {"second"}
    both = play(counter, releasing("p"), releasing("p", "second"), state=again.state)
    assert both.state.locked_by is None


def test_a_withdrawn_lock_request_neither_locks_nor_is_passed_on():
    withdrawn = play(counter, releasing("p")).state
    step = play(counter, locking("p", COUNTER, OTHER), state=withdrawn)
    assert (step.messages, step.state.locked_by) == ([], None)


# --- signals between entities ------------------------------------------------------------------------


def signal_twice(context: Any) -> None:
    context.signal_entity(OTHER, "a")
    context.signal_entity(OTHER, "b", at=context.current_utc_datetime)
    context.signal_entity(OTHER, "c")


def test_signals_are_labelled_where_the_hub_does_not_keep_order_unless_they_have_a_time():
    step = play(signal_twice, signalled("op"), window=WINDOW)
    a, b, c = (read_request(message.input) for message in messages_to(OTHER, step))
    assert (a.predecessor, c.predecessor) == (UNLABELLED, a.timestamp)
    assert b.timestamp == b.predecessor == UNLABELLED
    assert step.state.sorter.last_sent == {OTHER.instance_id: c.timestamp}


def test_on_a_hub_that_keeps_order_nothing_is_labelled_or_stored_for_it():
    step = play(signal_twice, called("op"))
    assert all("Timestamp" not in (message.input or "") for message in step.messages)
    assert step.state.to_json() == '{"sorter":{}}'


# --- parts -------------------------------------------------------------------------------------------


def test_a_step_without_operations_runs_no_user_code():
    def never(context: Any) -> None:
        raise AssertionError("no operation was asked for")

    engine = engine_of(never)
    delivered = deliver(COUNTER, EntityState(), [locking("p"), releasing("q")], NOW, engine)
    assert not delivered.operations
    step = conclude(delivered, run_operations(delivered, engine), engine)
    assert (step.operations, step.state.locked_by) == ((), "p")


def test_what_came_to_nothing_is_told():
    assert len(play(counter, raised("op", "no json"), called("get")).dropped) == 1


# --- damage ------------------------------------------------------------------------------------------


def test_of_a_damaged_entity_everyone_who_waits_is_told_and_what_they_locked_is_given_back():
    received = [
        called("get"),
        signalled("add", 1),
        locking("p", OTHER, COUNTER, pos=1),
        raised("op", "no json"),
        raised("continue", None),
        releasing("q"),
    ]
    refusal = refuse(COUNTER, received, "it is no JSON")
    text = "What is stored of the entity @counter@a cannot be read: it is no JSON"
    assert [(message.to, message.name) for message in refusal.messages] == [
        (CALLER, "get"),
        ("p", "lock of p"),
        (OTHER.instance_id, "release"),
    ]
    assert all(error(read_response(message.input).error) == error(text) for message in refusal.messages[:2])
    assert [report.partition(" has no effect")[0] for report in refusal.dropped] == ["signal 'add'", "op", "release"]
