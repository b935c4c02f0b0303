"""``task_all`` and ``task_any``: who wins, what is thrown, what counts at once."""

from typing import Any

import pytest

from durable.driver import failure_of, play, raised, result_of, settle
from durable.world import Slow
from funchost.durable.sdk import TaskState
from funchost.durable.status import RuntimeStatus


def echo(value: Any) -> Any:
    return value


def fail(text: Any) -> Any:
    raise ValueError(text)


ACTIVITIES = {"echo": echo, "fail": fail, "slow": Slow(60, echo), "slow_fail": Slow(60, fail)}


def test_task_all_gives_results_in_argument_order():
    def main(context: Any) -> Any:
        return (yield context.task_all([context.call_activity("slow", "a"), context.call_activity("echo", "b")]))

    assert result_of(main, activities=ACTIVITIES) == ["a", "b"]


def test_task_all_throws_the_first_failure_at_once_and_the_others_run_on():
    def main(context: Any) -> Any:
        slow = context.call_activity("slow", "a")
        failing = context.call_activity("fail", "boom")
        both = context.task_all([slow, failing])
        same = None
        try:
            yield both
        except Exception as error:
            same = error is failing.result
        return [same, slow.is_completed, both.state is TaskState.FAILED, (yield slow)]

    assert result_of(main, activities=ACTIVITIES) == [True, False, True, "a"]


def test_task_all_stays_failed_when_the_rest_succeeds():
    def main(context: Any) -> Any:
        failing, slow = context.call_activity("fail", "boom"), context.call_activity("slow", 1)
        both = context.task_all([failing, slow])
        try:
            yield both
        except Exception:
            yield slow
        return [both.state is TaskState.FAILED, both.result is failing.result]

    assert result_of(main, activities=ACTIVITIES) == [True, True]


def test_task_any_gives_the_winner_itself():
    def main(context: Any) -> Any:
        a, b = context.call_activity("slow", "a"), context.call_activity("echo", "b")
        winner = yield context.task_any([a, b])
        return [winner is b, winner == b, winner in [a, b], winner.result, (yield winner)]

    assert result_of(main, activities=ACTIVITIES) == [True, True, True, "b", "b"]


def test_task_any_never_throws_but_its_winner_does():
    def main(context: Any) -> Any:
        winner = yield context.task_any([context.call_activity("fail", "boom")])
        failed = [isinstance(winner.result, Exception), winner.is_completed, winner.state is TaskState.FAILED]
        try:
            yield winner
        except Exception as error:
            return [*failed, error is winner.result]

    assert result_of(main, activities=ACTIVITIES) == [True, True, True, True]


def test_the_loser_is_not_completed_even_when_its_answer_is_next_in_the_batch():
    def main(context: Any) -> Any:
        a, b = context.call_activity("echo", "a"), context.call_activity("echo", "b")
        winner = yield context.task_any([a, b])
        seen = [winner is a, b.is_completed, b.result]
        yield b
        return [*seen, b.is_completed]

    played = play(main, activities=ACTIVITIES)
    assert played.output == [True, False, None, True]
    assert len(played.hosted.episodes) == 2


@pytest.mark.parametrize("name", ["task_all", "task_any"])
def test_an_empty_list_completes_at_once_with_none(name: str):
    def main(context: Any) -> Any:
        return [(yield getattr(context, name)([])), getattr(context, name)([]).is_completed]

    assert result_of(main) == [None, True]


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_a_compound_takes_lists_tuples_and_sets(kind: Any):
    def main(context: Any) -> Any:
        return (yield context.task_all(kind([context.call_activity("echo", n) for n in range(5)])))

    assert result_of(main, activities=ACTIVITIES) == [0, 1, 2, 3, 4]


def test_a_generator_of_tasks_is_a_type_error():
    def main(context: Any) -> Any:
        yield context.task_all(context.call_activity("echo", n) for n in range(2))

    assert "has no len()" in failure_of(main, activities=ACTIVITIES)


def test_a_compound_of_what_is_no_task_is_an_attribute_error_in_user_code():
    def main(context: Any) -> Any:
        try:
            context.task_all([1])
        except AttributeError:
            return "caught"
        yield

    assert result_of(main) == "caught"


@pytest.mark.parametrize("name", ["task_all", "task_any"])
def test_a_task_may_stand_twice_in_a_compound(name: str):
    def main(context: Any) -> Any:
        task = context.call_activity("echo", 1)
        done = yield getattr(context, name)([task, task])
        return done if name == "task_all" else done is task

    played = play(main, activities=ACTIVITIES)
    assert played.output == ([1, 1] if name == "task_all" else True)
    assert played.world.activities_run == ["echo"]


def test_children_that_are_complete_already_count_at_once():
    def main(context: Any) -> Any:
        done = context.call_activity("echo", 1)
        yield done
        both = context.task_all([done, context.call_activity("echo", 2)])
        either = context.task_any([context.call_activity("slow", 3), done])
        return [(yield both), either.is_completed, (yield either) is done]

    played = play(main, activities=ACTIVITIES)
    assert played.output == [[1, 2], True, True]


def test_a_completed_failure_fails_a_new_task_all_at_once():
    def main(context: Any) -> Any:
        failing = context.call_activity("fail", "boom")
        try:
            yield failing
        except Exception:
            return context.task_all([context.call_activity("echo", 1), failing]).state is TaskState.FAILED

    assert result_of(main, activities=ACTIVITIES) is True


def test_one_child_may_be_shared_by_several_compounds():
    def main(context: Any) -> Any:
        shared = context.call_activity("slow", "s")
        first = context.task_all([shared, context.call_activity("echo", 1)])
        second = context.task_any([shared])
        third = context.task_all([shared])
        yield third
        return [(yield first), (yield second) is shared, (yield third)]

    assert result_of(main, activities=ACTIVITIES) == [["s", 1], True, ["s"]]


def test_a_shrinking_list_of_tasks_is_worked_off_by_task_any():
    def main(context: Any) -> Any:
        waiting = [context.call_activity("slow", n) if n % 2 else context.call_activity("echo", n) for n in range(6)]
        order: list[int] = []
        while waiting:
            winner = yield context.task_any(waiting)
            waiting.remove(winner)
            order.append(winner.result)
        return order

    played = play(main, activities=ACTIVITIES)
    assert played.output == [0, 2, 4, 1, 3, 5]
    assert len(played.world.activities_run) == 6


def test_a_loser_runs_on_in_a_race_with_a_task_that_is_new():
    def main(context: Any) -> Any:
        first, second = context.call_activity("slow", 1), context.call_activity("echo", 2)
        winner = yield context.task_any([first, second])
        again = yield context.task_any([first, context.call_activity("slower", 3)])
        return [winner is second, again is first]

    played = play(main, activities={**ACTIVITIES, "slower": Slow(90, echo)})
    assert played.output == [True, True]
    assert played.world.activities_run == ["slow", "echo", "slower"]


def test_compounds_nest():
    def main(context: Any) -> Any:
        race = context.task_any([context.call_activity("slow", "late"), context.call_activity("echo", "early")])
        pair = context.task_all([context.call_activity("echo", 1), context.call_activity("echo", 2)])
        winner, numbers = yield context.task_all([race, pair])
        return [winner.result, numbers]

    assert result_of(main, activities=ACTIVITIES) == ["early", [1, 2]]


def test_a_failing_child_of_an_inner_compound_fails_the_outer_one():
    def main(context: Any) -> Any:
        inner = context.task_all([context.call_activity("fail", "deep")])
        try:
            yield context.task_all([context.call_activity("slow", 1), inner])
        except Exception as error:
            return "ValueError: deep" in str(error)

    assert result_of(main, activities=ACTIVITIES) is True


def test_an_event_that_arrived_before_its_wait_completes_a_compound_while_it_is_scheduled():
    def main(context: Any) -> Any:
        yield context.call_activity("slow", 1)
        tasks = [context.wait_for_external_event("go"), context.call_activity("echo", 2)]
        winner = yield context.task_any(tasks)
        return [winner is tasks[0], (yield tasks[1])]

    assert result_of(main, settle, raised("go"), settle, activities=ACTIVITIES) == [True, 2]


def test_the_instance_waits_for_losers_that_are_activities():
    def main(context: Any) -> Any:
        yield context.task_any([context.call_activity("echo", 1), context.call_activity("slow", 2)])
        return "done"

    played = play(main, activities=ACTIVITIES)
    assert played.words[-2:] == ["TaskCompleted 1", "ExecutionCompleted 2 Completed"]
    assert played.hosted.statuses == [RuntimeStatus.RUNNING, RuntimeStatus.COMPLETED]


def test_task_attributes_before_and_after():
    def main(context: Any) -> Any:
        task = context.call_activity("echo", 1)
        wait = context.wait_for_external_event("go")
        both = context.task_all([task, wait])
        before = [task.id, task.is_completed, task.result, task.state is TaskState.RUNNING, both.id]
        yield both
        return [before, [task.id, wait.id, task.is_completed, task.state is TaskState.SUCCEEDED]]

    output = result_of(main, raised("go"), activities=ACTIVITIES)
    assert output == [[None, False, None, True, -1], [0, "go", True, True]]
