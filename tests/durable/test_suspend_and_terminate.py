"""Suspend, resume and terminate, alone and in one batch with other things."""

from datetime import timedelta
from typing import Any

from durable.driver import (
    INSTANCE,
    Played,
    elapse,
    play,
    raised,
    result_of,
    resumed,
    settle,
    suspended,
    terminated,
    together,
)
from durable.world import Slow, World
from funchost.durable.events import ExecutionTerminated, TaskScheduled
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId


def echo(value: Any) -> Any:
    return value


ACTIVITIES = {"echo": echo, "slow": Slow(60, echo)}


def two_events(context: Any) -> Any:
    first = yield context.wait_for_external_event("go")
    yield context.call_activity("echo", first)
    second = yield context.wait_for_external_event("go")
    return [first, second]


def test_a_suspended_instance_runs_no_code_and_keeps_what_arrives_in_order():
    steps = (settle, suspended("lunch"), settle, raised("go", 1), settle, raised("go", 2), settle)
    held = play(two_events, *steps, activities=ACTIVITIES)
    assert (held.status, held.hosted.output) == (RuntimeStatus.SUSPENDED, "lunch")
    assert held.of(TaskScheduled) == []
    assert result_of(two_events, *steps, resumed(), activities=ACTIVITIES) == [1, 2]


def test_resume_shows_its_reason():
    played = play(two_events, settle, suspended("lunch"), settle, resumed("coffee"), activities=ACTIVITIES)
    assert (played.status, played.hosted.output) == (RuntimeStatus.RUNNING, "coffee")


def test_activities_run_on_while_suspended_and_their_results_wait():
    def main(context: Any) -> Any:
        yield context.call_activity("slow", 1)
        return context.current_utc_datetime.isoformat()

    steps = (settle, suspended(), elapse(3600), resumed())
    assert result_of(main, *steps, activities=ACTIVITIES).startswith("2024-01-01T01:00:00")


def test_what_the_code_asked_for_in_the_batch_of_the_suspend_waits_for_the_resume():
    batch = together(raised("go", 1), suspended())
    held = play(two_events, settle, batch, activities=ACTIVITIES)
    assert held.of(TaskScheduled) == []
    assert held.world.activities_run == []
    assert result_of(two_events, settle, batch, resumed(), raised("go", 2), activities=ACTIVITIES) == [1, 2]


def test_what_waits_for_a_resume_survives_further_episodes():
    batch = together(raised("go", 1), suspended())
    steps = (settle, batch, raised("go", 2), settle, raised("other"), settle, resumed())
    played = play(two_events, *steps, activities=ACTIVITIES)
    assert played.output == [1, 2]
    assert played.world.activities_run == ["echo"]


def test_suspend_and_resume_in_one_batch_change_nothing():
    played = play(two_events, settle, together(suspended("x"), raised("go", 1), resumed()), activities=ACTIVITIES)
    assert RuntimeStatus.SUSPENDED not in played.hosted.statuses
    assert len(played.of(TaskScheduled)) == 1


def test_a_start_with_a_suspend_runs_its_code_and_then_stands_still():
    held = play(two_events, suspended(), raised("go", 1), activities=ACTIVITIES)
    assert held.status is RuntimeStatus.SUSPENDED
    assert result_of(two_events, suspended(), raised("go", 1), raised("go", 2), resumed(), activities=ACTIVITIES) == [
        1,
        2,
    ]


def test_suspend_does_not_undo_a_completion_of_the_same_batch():
    played = play(lambda context: "done", suspended())
    assert (played.status, played.output) == (RuntimeStatus.COMPLETED, "done")


def test_an_instance_that_has_returned_and_waits_for_an_activity_can_be_suspended():
    def main(context: Any) -> Any:
        yield context.task_any([context.call_activity("slow", 1), context.call_activity("echo", 2)])
        return "done"

    steps = (settle, suspended(), elapse(3600))
    assert play(main, *steps, activities=ACTIVITIES).status is RuntimeStatus.SUSPENDED
    assert result_of(main, *steps, resumed(), activities=ACTIVITIES) == "done"


def test_suspending_twice_needs_one_resume():
    steps = (settle, suspended("a"), settle, suspended("b"), settle, resumed(), raised("go", 1), raised("go", 2))
    assert result_of(two_events, *steps, activities=ACTIVITIES) == [1, 2]


def test_a_resume_without_suspend_does_nothing():
    assert result_of(two_events, settle, resumed("x"), raised("go", 1), raised("go", 2), activities=ACTIVITIES) == [
        1,
        2,
    ]


def test_terminate_ends_at_once_with_its_reason_as_output():
    def main(context: Any) -> Any:
        yield context.call_activity("slow", 1)

    played = play(main, settle, terminated("enough"), activities=ACTIVITIES)
    assert (played.status, played.output) == (RuntimeStatus.TERMINATED, "enough")
    assert played.words[-2:] == ["ExecutionTerminated", "ExecutionCompleted 1 Terminated"]


def test_terminate_beats_a_completion_of_the_same_batch():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        return "done"

    played = play(main, settle, together(raised("go"), terminated("no")))
    assert (played.status, played.output) == (RuntimeStatus.TERMINATED, "no")


def test_terminate_beats_a_failure_of_the_same_batch():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        raise ValueError("boom")

    assert play(main, settle, together(raised("go"), terminated())).status is RuntimeStatus.TERMINATED


def test_terminate_drops_what_its_batch_asked_for():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        yield context.task_all([context.call_activity("echo", 1), context.call_sub_orchestrator("child")])

    played = play(
        main,
        settle,
        together(raised("go"), terminated()),
        activities=ACTIVITIES,
        children={"child": lambda context: None},
    )
    assert played.world.activities_run == []
    assert list(played.world.instances) == ["it"]


def test_no_code_runs_after_a_terminate():
    seen: list[str] = []

    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        seen.append("ran")

    play(main, settle, together(terminated(), raised("go")))
    assert seen == []


def test_a_suspended_instance_can_be_terminated():
    played = play(two_events, settle, suspended(), settle, raised("go"), terminated("x"), activities=ACTIVITIES)
    assert (played.status, played.output) == (RuntimeStatus.TERMINATED, "x")


def test_terminate_reaches_a_waiting_parent_as_a_failure():
    def main(context: Any) -> Any:
        try:
            yield context.call_sub_orchestrator("child", None, "kid")
        except Exception as error:
            return str(error)

    def child(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(days=1))

    def stop_the_child(world: World) -> None:
        world.post(InstanceId("kid"), ExecutionTerminated(timestamp=world.now, reason="stop it"))

    assert result_of(main, settle, stop_the_child, children={"child": child}) == "stop it \n None"


def test_every_order_of_suspend_resume_and_terminate_ends_the_same_in_every_mode():
    actions = (suspended("s"), resumed("r"), terminated("t"), raised("go", 1))
    for first in actions:
        for second in actions:
            for third in actions:
                play(two_events, settle, together(first, second, third), raised("go", 2), activities=ACTIVITIES)
                play(two_events, settle, first, settle, second, settle, third, settle, activities=ACTIVITIES)


def family(context: Any) -> Any:
    """Two generations below, one child that ends at once, and one that is never awaited."""
    yield context.call_sub_orchestrator("leaf", 0, "done")
    calls = [context.call_sub_orchestrator("middle", None, "middle"), context.call_sub_orchestrator("leaf", 9, "leaf")]
    yield context.task_all(calls)


def middle(context: Any) -> Any:
    yield context.call_sub_orchestrator("leaf", 9, "grandchild")


def leaf(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(days=context.get_input()))


FAMILY: Any = {"middle": middle, "leaf": leaf}


def ends_of_the_family(played: Played) -> dict[str, tuple[str, str | None]]:
    return {key: (one.status.value, one.output) for key, one in played.world.instances.items()}


def test_a_terminate_leaves_the_children_running():
    ends = ends_of_the_family(play(family, elapse(1), terminated("stop"), children=FAMILY))
    assert ends.pop(INSTANCE) == ("Terminated", "stop")
    assert {status for status, _ in ends.values()} == {"Completed"}


def test_a_terminate_of_the_whole_family_ends_every_child_that_still_runs():
    ends = ends_of_the_family(play(family, elapse(1), terminated("stop", recurse=True), children=FAMILY))
    assert ends.pop("done")[0] == "Completed"
    assert ends == dict.fromkeys((INSTANCE, "middle", "leaf", "grandchild"), ("Terminated", "stop"))


def test_a_suspended_family_can_be_terminated_as_a_whole():
    ends = ends_of_the_family(
        play(family, elapse(1), suspended(), settle, terminated("x", recurse=True), children=FAMILY)
    )
    assert ends["grandchild"] == ("Terminated", "x")


def test_children_that_were_asked_for_in_the_same_moment_are_never_started():
    played = play(family, together(terminated("stop", recurse=True)), children=FAMILY)
    assert ends_of_the_family(played) == {INSTANCE: ("Terminated", "stop")}
