"""External events: which wait gets which event."""

from typing import Any

import pytest

from durable.driver import INSTANCE, failure_of, play, raised, result_of, settle, together
from durable.world import Slow, World
from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus


def echo(value: Any) -> Any:
    return value


def two_waits(context: Any) -> Any:
    first = yield context.wait_for_external_event("go")
    second = yield context.wait_for_external_event("go")
    return [first, second]


def test_a_wait_gets_the_data_of_its_event():
    assert result_of(two_waits, settle, raised("go", {"a": 1}), settle, raised("go")) == [{"a": 1}, None]


def test_events_before_their_wait_are_kept_first_in_first_out_and_used_once():
    def main(context: Any) -> Any:
        yield context.call_activity("slow")
        first = yield context.wait_for_external_event("go")
        yield context.call_activity("slow")
        return [first, (yield context.wait_for_external_event("go"))]

    steps = (settle, raised("go", 1), raised("go", 2), raised("go", 3))
    assert result_of(main, *steps, activities={"slow": Slow(60, echo)}) == [1, 2]


def test_events_of_one_batch_are_delivered_one_by_one():
    assert result_of(two_waits, settle, together(raised("go", 1), raised("go", 2))) == [1, 2]


def test_of_several_waits_the_newest_is_served_first():
    def main(context: Any) -> Any:
        waits = [context.wait_for_external_event("go") for _ in range(3)]
        return (yield context.task_all(waits))

    assert result_of(main, settle, raised("go", 1), settle, raised("go", 2), raised("go", 3)) == [3, 2, 1]


def test_a_name_is_matched_exactly_before_it_is_matched_ignoring_case():
    def main(context: Any) -> Any:
        lower, upper = context.wait_for_external_event("go"), context.wait_for_external_event("GO")
        first = yield context.task_any([lower, upper])
        second = yield context.task_any([task for task in (lower, upper) if task is not first])
        return [first is lower, first.result, second.result]

    assert result_of(main, settle, raised("go", 1), settle, raised("Go", 2)) == [True, 1, 2]


def test_a_kept_event_is_found_ignoring_case():
    def main(context: Any) -> Any:
        yield context.call_activity("echo")
        return (yield context.wait_for_external_event("Approval"))

    assert result_of(main, raised("approval", "yes"), activities={"echo": echo}) == "yes"


def test_an_event_of_another_name_waits_for_its_turn():
    def main(context: Any) -> Any:
        a = yield context.wait_for_external_event("a")
        b = yield context.wait_for_external_event("b")
        return [a, b]

    assert result_of(main, settle, raised("b", 2), settle, raised("a", 1)) == [1, 2]


def test_a_wait_that_lost_a_race_still_takes_an_event():
    def main(context: Any) -> Any:
        lost = context.wait_for_external_event("go")
        yield context.task_any([lost, context.call_activity("echo")])
        got = yield context.wait_for_external_event("go")
        return [got, lost.result]

    assert result_of(main, settle, raised("go", 1), activities={"echo": echo}) == [1, None]


def test_waits_do_not_keep_an_instance_open():
    def main(context: Any) -> Any:
        yield context.task_any([context.wait_for_external_event("never"), context.call_activity("echo")])
        return "done"

    assert play(main, activities={"echo": echo}).status is RuntimeStatus.COMPLETED


def test_events_draw_no_numbers():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        yield context.call_activity("echo")

    assert "TaskScheduled 0 echo" in play(main, raised("go"), activities={"echo": echo}).words


@pytest.mark.parametrize("name", ["", None])
def test_an_empty_name_is_a_value_error_in_user_code(name: Any):
    def main(context: Any) -> Any:
        try:
            context.wait_for_external_event(name)
        except ValueError:
            return "caught"
        yield

    assert result_of(main) == "caught"


def raised_as_text(text: str | None) -> Any:
    def step(world: World) -> None:
        world.post(INSTANCE, EventRaised(timestamp=world.now, name="go", input=text))

    return step


def test_an_event_is_decoded_once():
    def main(context: Any) -> Any:
        return (yield context.wait_for_external_event("go"))

    assert result_of(main, raised_as_text('"{\\"a\\": 1}"')) == '{"a": 1}'
    assert result_of(main, raised_as_text(None)) is None


def test_an_event_that_is_no_json_fails_the_orchestration_where_no_handler_sees_it():
    def main(context: Any) -> Any:
        try:
            yield context.wait_for_external_event("go")
        except Exception:
            return "caught"

    assert failure_of(main, settle, raised_as_text("{not json")).startswith("Orchestrator function 'main' failed: ")


@pytest.mark.parametrize("name", ["go\ud800", 5])
def test_a_name_that_no_event_can_have_is_refused_at_the_call(name: Any):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match="external_event_name: "):
            context.wait_for_external_event(name)
        return "caught"
        yield

    assert result_of(main) == "caught"
