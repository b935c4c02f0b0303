"""Continue-as-new: when it takes effect, what is carried over, what it ignores."""

from typing import Any

from azure.durable_functions import RetryOptions

from durable.driver import failure_of, play, raised, result_of, resumed, settle, suspended, terminated, together
from durable.world import Mode, Slow
from funchost.durable.events import ExecutionStarted, SubOrchestrationInstanceCompleted
from funchost.durable.status import RuntimeStatus


def echo(value: Any) -> Any:
    return value


ACTIVITIES = {"echo": echo, "slow": Slow(60, echo)}


def test_a_new_execution_begins_with_the_new_input_and_an_empty_history():
    def main(context: Any) -> Any:
        n = context.get_input()
        yield context.call_activity("echo", n)
        if n < 3:
            context.continue_as_new(n + 1)
            return "ignored"
        return n

    played = play(main, input_=1, activities=ACTIVITIES)
    assert played.output == 3
    assert played.words == [
        "ExecutionStarted",
        "TaskScheduled 0 echo",
        "TaskCompleted 0",
        "ExecutionCompleted 1 Completed",
    ]
    start = played.of(ExecutionStarted)[0]
    assert (start.instance_id, start.execution_id, start.input) == ("it", f"{3:032x}", '"3"')
    assert played.hosted.statuses[-1] is RuntimeStatus.COMPLETED


def test_the_first_call_wins():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            context.continue_as_new("first")
            context.continue_as_new("second")
            return None
        return context.get_input()

    assert result_of(main) == "first"


def test_nothing_counts_after_it():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            context.continue_as_new(1)
            flags = context.will_continue_as_new
            assert flags
            yield context.call_activity("echo", "never")
            raise AssertionError("never reached")
        yield context.call_activity("echo", "once")

    assert play(main, activities=ACTIVITIES).world.activities_run == ["echo"] * 1


def test_yielding_its_result_is_fine():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            yield context.continue_as_new(1)
        return "new"

    assert result_of(main) == "new"


def test_it_works_without_a_generator():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            return context.continue_as_new("x")
        return context.get_input()

    assert result_of(main) == "x"


def test_an_input_that_cannot_be_serialised_raises_and_nothing_happens():
    def main(context: Any) -> Any:
        try:
            context.continue_as_new(object())
        except TypeError:
            return context.will_continue_as_new
        yield

    assert result_of(main) is False


def test_a_failure_after_it_fails_the_instance():
    def main(context: Any) -> Any:
        context.continue_as_new(1)
        raise ValueError("boom")

    assert failure_of(main) == "Orchestrator function 'main' failed: boom"


def test_it_waits_for_what_is_still_out():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            yield context.task_any([context.call_activity("slow", 1), context.call_activity("echo", 2)])
            context.continue_as_new(1)
            return None
        return context.current_utc_datetime.isoformat()

    assert result_of(main, activities=ACTIVITIES) == "2024-01-01T00:01:00.001000+00:00"


def test_a_retry_under_way_goes_on_and_is_waited_for():
    failures = iter([1, 0] * len(Mode))

    def flaky(argument: Any) -> Any:
        if next(failures):
            raise ValueError("once")

    def main(context: Any) -> Any:
        if context.get_input() is None:
            retry = context.call_activity_with_retry("flaky", RetryOptions(60_000, 3))
            yield context.task_any([retry, context.call_activity("echo", 2)])
            context.continue_as_new(1)
            return None
        return context.current_utc_datetime.isoformat()

    output = result_of(main, activities={"flaky": flaky, "echo": echo}, batch_size=lambda: 1)
    assert output.startswith("2024-01-01T00:01:00")


def test_events_that_arrive_after_it_reach_the_new_generation_in_order():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            yield context.task_any([context.call_activity("slow", 1), context.call_activity("echo", 2)])
            context.continue_as_new(1)
            return None
        return [(yield context.wait_for_external_event("go")), (yield context.wait_for_external_event("go"))]

    steps = (settle, raised("go", "a"), settle, raised("go", "b"), settle)
    assert result_of(main, *steps, activities=ACTIVITIES) == ["a", "b"]


def test_events_of_the_same_batch_after_it_are_carried():
    def main(context: Any) -> Any:
        got = yield context.wait_for_external_event("go")
        if got != "end":
            context.continue_as_new(got)
            return None
        return context.get_input()

    assert result_of(main, settle, together(raised("go", 1), raised("go", 2), raised("go", "end"))) == 2


def test_events_that_arrived_before_it_and_were_never_awaited_are_dropped():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            yield context.call_activity("slow", 1)
            context.continue_as_new(1)
            return None
        yield context.wait_for_external_event("go")

    played = play(main, settle, raised("go", "early"), settle, activities=ACTIVITIES)
    assert played.status is RuntimeStatus.RUNNING


def test_the_custom_status_is_carried_over_until_another_is_set():
    def main(context: Any) -> Any:
        n = context.get_input() or 0
        if n == 0:
            context.set_custom_status("first")
        yield context.wait_for_external_event("go")
        if n < 2:
            context.continue_as_new(n + 1)
            return None
        context.set_custom_status(None)
        return None

    one = play(main, settle, raised("go"), settle)
    assert (one.status, one.custom_status) == (RuntimeStatus.RUNNING, "first")
    three = play(main, settle, raised("go"), settle, raised("go"), settle, raised("go"), settle)
    assert (three.status, three.custom_status) == (RuntimeStatus.COMPLETED, None)


def test_a_parent_gets_the_answer_of_the_last_generation():
    def child(context: Any) -> Any:
        n = context.get_input()
        if n < 5:
            context.continue_as_new(n + 1)
            return None
        return [n, context.parent_instance_id]

    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("child", 0))

    played = play(main, children={"child": child})
    assert played.output == [5, "it"]
    assert len(played.of(SubOrchestrationInstanceCompleted)) == 1


def test_a_runaway_loop_is_committed_now_and_then():
    def main(context: Any) -> Any:
        n = context.get_input()
        if n < 100:
            context.continue_as_new(n + 1)
            return None
        return n

    played = play(main, input_=0)
    assert played.output == 100
    assert 1 < len(played.hosted.episodes) < 10


def test_generations_that_run_in_one_commit_close_each_other_s_code():
    closed: list[Any] = []

    def main(context: Any) -> Any:
        n = context.get_input()
        try:
            context.continue_as_new(n + 1)
            if n == 3:
                yield context.wait_for_external_event("never reached: the run is over")
            yield None
        finally:
            closed.append(n)

    def stop_at_four(context: Any) -> Any:
        return "end" if context.get_input() == 4 else main(context)

    assert result_of(stop_at_four, input_=0) == "end"
    assert closed == [0, 1, 2, 3] * len(Mode)


def test_termination_overrides_it():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        context.continue_as_new(None)

    played = play(main, settle, together(raised("go"), terminated("enough")))
    assert (played.status, played.output) == (RuntimeStatus.TERMINATED, "enough")


def test_a_suspended_instance_continues_when_it_is_resumed():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            yield context.wait_for_external_event("go")
            context.continue_as_new("next")
            return None
        return context.get_input()

    held = play(main, settle, together(raised("go"), suspended()))
    assert held.status is RuntimeStatus.SUSPENDED
    assert result_of(main, settle, together(raised("go"), suspended()), resumed()) == "next"
