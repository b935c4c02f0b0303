"""A failed execution goes on from before its failure, with what had succeeded."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import RetryOptions

from durable.driver import INSTANCE, Step, play, raised, rewind, settle, together
from durable.world import ActivityFunction, Mode, Slow, World
from funchost.durable.entities.messages import OPERATION, Request, failed
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
)
from funchost.durable.rewinding import Child, children_to_rewind, rewound
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

AT = Instant(1000)
KID = InstanceId("kid")


class Flaky:
    """Fails for an argument as often as told, in each world that it is made for."""

    def __init__(self, **fails: int) -> None:
        self._fails = fails
        self._left: dict[str, int] = {}

    def __call__(self, argument: str) -> str:
        self._left.setdefault(argument, self._fails.get(argument, 0))
        if self._left[argument]:
            self._left[argument] -= 1
            raise ValueError(argument)
        # Every mode plays the scenario anew.
        del self._left[argument]
        return argument.upper()


def doing(**fails: int) -> dict[str, ActivityFunction]:
    return {"do": Flaky(**fails)}


def chain(context: Any) -> Any:
    done = []
    for name in "abc":
        done.append((yield context.call_activity("do", name)))
    return done


def end(world: World) -> ExecutionCompleted:
    return next(e for e in world.instances[INSTANCE].live.past if isinstance(e, ExecutionCompleted))


def unhandled(orchestrator: Callable[[Any], Any], *steps: Step, **scenario: Any) -> list[int] | None:
    played = play(orchestrator, *steps, **scenario)
    assert played.status is RuntimeStatus.FAILED
    return end(played.world).unhandled


def test_what_succeeded_is_kept_and_what_failed_is_asked_for_again():
    played = play(chain, rewind, activities=doing(b=1))
    assert played.output == ["A", "B", "C"]
    assert played.words == [
        "ExecutionStarted",
        "TaskScheduled 0 do",
        "TaskCompleted 0",
        "GenericEvent Rewound: TaskScheduled",
        "GenericEvent Rewound: TaskFailed",
        "GenericEvent Rewound: ExecutionCompleted",
        "GenericEvent again",
        "TaskScheduled 1 do",
        "TaskCompleted 1",
        "TaskScheduled 2 do",
        "TaskCompleted 2",
        "ExecutionCompleted 3 Completed",
    ]


def test_a_rewound_instance_is_pending_then_running_and_has_no_output():
    statuses = play(chain, rewind, activities=doing(b=1)).hosted.statuses
    assert [status.value for status in statuses] == ["Running", "Failed", "Pending", "Running", "Completed"]


def test_it_can_fail_and_be_rewound_again_and_again():
    played = play(chain, rewind, rewind, rewind, activities=doing(a=2, c=1))
    assert played.output == ["A", "B", "C"]
    assert played.words.count("GenericEvent Rewound: TaskFailed") == 3


def test_failures_that_the_code_caught_stay():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("do", "a")
        except Exception:
            pass
        return (yield context.call_activity("do", "b"))

    assert unhandled(main, activities=doing(a=1, b=1), modes=[Mode.KEPT]) == [1]
    assert play(main, rewind, activities=doing(a=1, b=1), modes=[Mode.REPLAYED]).output == "B"


def test_a_failure_that_the_code_raises_as_another_counts():
    def main(context: Any) -> Any:
        try:
            return (yield context.call_activity("do", "a"))
        except Exception as error:
            raise RuntimeError("could not") from error

    assert play(main, rewind, activities=doing(a=1)).output == "A"


def test_a_failure_of_a_winner_that_the_code_raises_counts():
    def main(context: Any) -> Any:
        calls = [context.call_activity("do", "a"), context.wait_for_external_event("never")]
        winner = yield context.task_any(calls)
        if isinstance(winner.result, Exception):
            raise winner.result
        return winner.result

    assert play(main, rewind, activities=doing(a=1)).output == "A"


def test_a_failure_that_the_code_has_cleaned_up_after_is_handled():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("do", "a")
        finally:
            yield context.call_activity("do", "clean up")

    played = play(main, rewind, activities=doing(a=1), modes=[Mode.REPLAYED])
    assert (played.status, end(played.world).unhandled) == (RuntimeStatus.FAILED, [])
    assert "ValueError: a" in played.output


def test_every_failed_part_of_a_group_counts_also_one_that_fails_later():
    def main(context: Any) -> Any:
        calls = [context.call_activity(name, "x") for name in ("fails", "fails_late", "works")]
        return (yield context.task_all(calls))

    fails = Flaky(x=1)
    activities = {"fails": fails, "fails_late": Slow(2, Flaky(x=1)), "works": str.upper}
    played = play(main, rewind, activities=activities, modes=[Mode.RECORDED])
    assert played.output == ["X", "X", "X"]
    assert played.world.activities_run == ["fails", "fails_late", "works", "fails", "fails_late"]


def test_a_failure_that_nobody_was_told_of_counts():
    def main(context: Any) -> Any:
        yield context.task_any([context.call_activity("do", "quick"), context.call_activity("late", "x")])
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=5))
        raise ValueError("of its own")

    assert unhandled(main, activities={"do": str.upper, "late": Slow(1, Flaky(x=1))}, modes=[Mode.KEPT]) == [1]


@pytest.mark.parametrize("mode", Mode)
def test_of_a_call_with_retries_the_last_attempt_is_repeated(mode: Mode):
    def main(context: Any) -> Any:
        return (yield context.call_activity_with_retry("do", RetryOptions(1000, 2), "a"))

    played = play(main, rewind, activities=doing(a=2), modes=[mode])
    assert played.output == "A"
    assert played.world.activities_run == ["do"] * 3


@pytest.mark.parametrize("mode", Mode)
def test_numbers_drawn_after_the_timer_of_a_last_attempt_stay_the_same(mode: Mode):
    def main(context: Any) -> Any:
        first = context.call_activity_with_retry("quick", RetryOptions(1000, 1), "a")
        second = context.call_activity_with_retry("late", RetryOptions(1000, 3), "b")
        return (yield context.task_all([first, second]))

    activities = {"quick": Flaky(a=2), "late": Slow(2, Flaky(b=2))}
    played = play(main, rewind, rewind, activities=activities, modes=[mode])
    assert played.output == ["A", "B"]


def test_a_failure_that_was_no_tasks_runs_the_code_again():
    broken = [True] * 3  # once for each mode

    def main(context: Any) -> Any:
        first = yield context.call_activity("do", "a")
        if broken and not context.is_replaying:
            broken.pop()
            raise ValueError("not yet")
        return first

    played = play(main, rewind, activities=doing())
    assert (played.output, played.world.activities_run) == ("A", ["do"])


def test_code_that_was_mended_goes_on_where_its_mistake_was_noticed():
    changed = [False]

    def main(context: Any) -> Any:
        yield context.call_activity("other" if changed[0] else "do", "a")
        yield context.wait_for_external_event("go")
        return "done"

    def change(to: bool) -> Step:
        return lambda world: changed.__setitem__(0, to)

    steps = [settle, change(True), raised("go"), settle, change(False), rewind]
    played = play(main, *steps, activities={"do": str.upper, "other": str.upper}, modes=[Mode.REPLAYED])
    assert (played.status, played.output) == (RuntimeStatus.COMPLETED, "done")


def test_what_was_out_when_the_failure_waited_for_nothing_is_asked_for_again():
    changed = [False]

    def main(context: Any) -> Any:
        slow, timer = (
            context.call_activity("slow", "a"),
            context.create_timer(context.current_utc_datetime + timedelta(seconds=9)),
        )
        yield context.task_any([slow, timer, context.wait_for_external_event("go")])
        yield context.call_activity("unknown" if changed[0] else "do", "b")
        return (yield context.task_all([slow, timer]))

    def change(to: bool) -> Step:
        return lambda world: changed.__setitem__(0, to)

    steps = [settle, change(True), together(raised("go")), change(False), rewind]
    activities = {"do": str.upper, "slow": Slow(5, str.upper)}
    played = play(main, *steps, activities=activities, modes=[Mode.REPLAYED])
    assert (played.status, played.output) == (RuntimeStatus.COMPLETED, ["A", None])


def test_a_failed_child_is_rewound_and_its_parent_wakes_when_it_answers():
    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("chain", None, "kid"))

    played = play(main, rewind, activities=doing(b=1), children={"chain": chain})
    assert played.output == ["A", "B", "C"]
    (created,) = played.of(SubOrchestrationInstanceCreated)
    assert created.extra == {"Reason": "Rewound: SubOrchestrationInstanceCreated"}
    assert "GenericEvent again" not in played.words, "only the deepest wakes by itself"
    kid = played.world.instances[KID]
    assert any(isinstance(event, GenericEvent) and event.data == "again" for event in kid.live.past)


def test_a_child_that_is_gone_is_started_anew():
    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("chain", None, "kid"))

    def purge_the_child(world: World) -> None:
        world.run()
        del world.instances[KID]

    played = play(main, purge_the_child, rewind, activities=doing(b=1), children={"chain": chain})
    assert played.output == ["A", "B", "C"]
    assert played.words.count("GenericEvent Rewound: SubOrchestrationInstanceCreated") == 1


def test_the_answer_of_a_child_that_came_after_the_failure_is_delivered():
    def child(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=5))
        return "late"

    broken = [True]

    def main(context: Any) -> Any:
        kid = context.call_sub_orchestrator("child", None, "kid")
        yield context.task_any([kid, context.wait_for_external_event("go")])
        yield context.call_activity("unknown" if broken else "do", "x")
        return (yield kid)

    def mend(world: World) -> None:
        world.run()
        broken.clear()

    steps = [settle, together(raised("go")), mend, rewind]
    played = play(main, *steps, activities=doing(), children={"child": child}, modes=[Mode.REPLAYED])
    assert (played.status, played.output) == (RuntimeStatus.COMPLETED, "late")


def test_a_history_that_does_not_say_what_failed_gets_the_rule_of_the_reference_host():
    history = [
        started(),
        TaskScheduled(timestamp=AT, event_id=0, name="caught"),
        SubOrchestrationInstanceCreated(timestamp=AT, event_id=1, name="child", instance_id=KID),
        TaskFailed(timestamp=AT, task_id=0, reason="boom"),
        SubOrchestrationInstanceFailed(timestamp=AT, task_id=1),
        ExecutionCompleted(timestamp=AT, event_id=2, status=RuntimeStatus.FAILED, result="why"),
    ]
    assert children_to_rewind(history) == [Child(1, KID, failed=True)]
    assert [(e.reason, e.event_id, e.data) for e in rewound(history) if isinstance(e, GenericEvent)] == [
        ("Rewound: TaskScheduled", 0, None),
        ("Rewound: TaskFailed", -1, "boom"),
        ("Rewound: SubOrchestrationInstanceFailed", -1, None),
        ("Rewound: ExecutionCompleted", 2, "why"),
    ]


def test_a_failed_call_of_an_entity_is_made_again():
    call = Request(op="add", id="5f0c", parent=INSTANCE, parent_execution=ExecutionId("e"))
    history = [
        started(),
        EventSent(timestamp=AT, event_id=0, instance_id=InstanceId("@counter@x"), name=OPERATION, input=call.to_json()),
        EventRaised(timestamp=AT, name="5f0c", input=failed("no")),
        EventRaised(timestamp=AT, name="go", input="1"),
        ExecutionCompleted(timestamp=AT, event_id=1, status=RuntimeStatus.FAILED, unhandled=[0]),
    ]
    assert [type(event) for event in rewound(history)] == [
        ExecutionStarted, GenericEvent, GenericEvent, EventRaised, GenericEvent,
    ]  # fmt: skip


def started() -> HistoryEvent:
    return ExecutionStarted(timestamp=AT, name="main", instance_id=INSTANCE, execution_id=ExecutionId("e"))


def test_the_note_of_what_failed_is_no_part_of_what_code_sees():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("do", "a")
        except Exception:
            names = {name for event in context.histories for name in vars(event)}
            return sorted(names & {"Unhandled", "Recurse", "Skipped"})

    assert play(main, activities=doing(a=1), modes=[Mode.REPLAYED]).output == []
