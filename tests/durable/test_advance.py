"""One episode: past and new events in, an outcome for the hub out."""

import itertools
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
)
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import DurableFunctions, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import ActivityWork, Append, Restart
from funchost.taskhub.worker.advance import Advance, Engine, adopt, advance
from funchost.taskhub.worker.live import LiveInstance

IT = InstanceId("it")
NOW = Instant(1000)
LABEL: ContextVar[str] = ContextVar("label")


def engine(code: Callable[[Any], Any]) -> Engine:
    numbers = itertools.count(2)

    def variables(name: str, instance: InstanceId) -> Any:
        context = copy_context()
        context.run(LABEL.set, f"{name} {instance}")
        return context

    functions = DurableFunctions([Orchestrator("main", code)], ["echo"])
    return Engine(functions, EngineSettings(), variables, lambda: ExecutionId(str(next(numbers))))


def a_live_instance() -> LiveInstance:
    return LiveInstance(IT, ExecutionId("1"), token=None, past=[])


def start(input_: str | None = None) -> ExecutionStarted:
    return ExecutionStarted(timestamp=NOW, name="main", instance_id=IT, execution_id=ExecutionId("1"), input=input_)


def raised(name: str) -> HistoryEvent:
    return EventRaised(timestamp=NOW, name=name, input="1")


def committed(live: LiveInstance, result: Advance) -> None:
    result.engine.close()
    adopt(live, result)


def chain(context: Any) -> Any:
    for n in range(3):
        yield context.call_activity("echo", n)
    return "done"


def fan(context: Any) -> Any:
    return (yield context.task_all([context.call_activity("echo", n) for n in range(3)]))


def answer(task: int) -> TaskCompleted:
    return TaskCompleted(timestamp=NOW, task_id=task, result=str(task))


def test_an_episode_is_framed_and_scheduled_work_is_part_of_it():
    result = advance(a_live_instance(), [start()], NOW, engine(chain))
    change = result.outcome.change
    assert isinstance(change, Append)
    assert [type(event) for event in change.events] == [
        OrchestratorStarted,
        ExecutionStarted,
        TaskScheduled,
        OrchestratorCompleted,
    ]
    assert [(a.task, a.name, a.input) for a in result.outcome.activities] == [(0, "echo", '["0"]')]
    assert (result.name, result.ended, result.error, result.replayed) == ("main", None, None, 0)


def test_a_live_instance_is_untouched_until_its_commit():
    live, app = a_live_instance(), engine(fan)
    committed(live, advance(live, [start()], NOW, app))
    past, before = live.past, list(live.past)
    refused = advance(live, [answer(0)], NOW, app)
    assert refused.replayed == 0, "the record of open tasks was enough"
    assert live.past is past
    assert past == before
    live.engine = None
    again = advance(live, [answer(1)], NOW, app)
    assert again.replayed == len(before)
    committed(live, again)
    assert [event for event in live.past if isinstance(event, TaskCompleted)] == [answer(1)]


def test_what_completes_nothing_is_not_replayed_and_what_does_is():
    live, app = a_live_instance(), engine(fan)
    replayed: list[int] = []
    for events in ([start()], [answer(0)], [answer(1)], [answer(2)]):
        result = advance(live, events, NOW, app)
        replayed.append(result.replayed)
        committed(live, result)
    assert replayed[:3] == [0, 0, 0]
    assert replayed[3] > 0
    assert result.outcome.status is not None
    assert result.outcome.status.output == "[0, 1, 2]"
    assert result.ended is RuntimeStatus.COMPLETED


def test_a_start_goes_before_what_arrived_with_it():
    def main(context: Any) -> Any:
        return (yield context.wait_for_external_event("go"))

    result = advance(a_live_instance(), [raised("go"), start()], NOW, engine(main))
    assert result.ended is RuntimeStatus.COMPLETED


def test_continue_as_new_restarts_in_the_same_commit():
    def main(context: Any) -> Any:
        if context.get_input() is None:
            context.continue_as_new("next")
            return None
        return (yield context.call_activity("echo", context.get_input()))

    live = a_live_instance()
    result = advance(live, [start()], NOW, engine(main))
    change = result.outcome.change
    assert isinstance(change, Restart)
    assert (change.execution, change.input, change.created, change.carried) == ("2", '"\\"next\\""', NOW, ())
    assert [type(e).__name__ for e in change.events[:3]] == ["OrchestratorStarted", "ExecutionStarted", "TaskScheduled"]
    assert result.execution == "2"
    committed(live, result)
    assert live.past == change.events
    assert [a.input for a in result.outcome.activities] == ['["\\"next\\""]']
    assert result.outcome.status is not None
    assert result.outcome.status.status is RuntimeStatus.RUNNING


def test_generations_without_end_are_committed_with_their_start_carried():
    def main(context: Any) -> Any:
        context.set_custom_status(f"generation {context.get_input()}")
        context.continue_as_new((context.get_input() or 0) + 1)

    live, app = a_live_instance(), engine(main)
    first = advance(live, [start()], NOW, app)
    change = first.outcome.change
    assert isinstance(change, Restart)
    assert change.events == ()
    (carried,) = change.carried
    assert isinstance(carried, ExecutionStarted)
    assert (carried.execution_id, carried.input) == (change.execution, '"17"')
    assert first.outcome.status is not None
    assert first.outcome.status.custom_status == '"generation 16"'
    committed(live, first)
    second = advance(live, change.carried, NOW, app).outcome.change
    assert isinstance(second, Restart)
    assert second.input == '"34"'


def test_carried_events_reach_the_generation_that_follows_a_bounded_commit():
    def main(context: Any) -> Any:
        n = context.get_input() or 0
        if n == 0:
            yield context.wait_for_external_event("go")
        if n < 20:
            context.continue_as_new(n + 1)
            return None
        return (yield context.wait_for_external_event("late"))

    live, app = a_live_instance(), engine(main)
    result = advance(live, [start(), raised("go"), raised("late")], NOW, app)
    change = result.outcome.change
    assert isinstance(change, Restart)
    assert [type(event) for event in change.carried] == [ExecutionStarted, EventRaised]
    committed(live, result)
    last = advance(live, change.carried, NOW, app)
    assert last.outcome.status is not None
    assert (last.ended, last.outcome.status.output) == (RuntimeStatus.COMPLETED, "1")


def test_user_code_runs_in_the_variables_of_its_instance():
    seen: list[str] = []

    def main(context: Any) -> Any:
        try:
            seen.append(LABEL.get())
            yield context.call_activity("echo")
            seen.append(LABEL.get())
        finally:
            seen.append(LABEL.get())

    live, app = a_live_instance(), engine(main)
    committed(live, advance(live, [start()], NOW, app))
    advance(live, [answer(0)], NOW, app)
    assert seen == ["main it"] * len(seen)
    assert len(seen) == 5


def test_a_failure_tells_its_details_to_the_log():
    def main(context: Any) -> Any:
        raise ValueError("boom")

    result = advance(a_live_instance(), [start()], NOW, engine(main))
    assert result.ended is RuntimeStatus.FAILED
    assert result.error is not None
    assert result.error.startswith("Message: boom, StackTrace: Traceback")


def test_answers_and_claims_are_added_to_the_outcome():
    live, app = a_live_instance(), engine(fan)
    result = advance(live, [start()], NOW, app)
    work = ActivityWork(IT, live.execution, 0, "echo", None, None)
    outcome = result.outcome_with([(work, answer(0))], run_here=80)
    assert outcome.answered == [(work, answer(0))]
    assert outcome.run_here == 3
    assert result.outcome_with([], run_here=2).run_here == 2


def test_an_orchestrator_that_nobody_knows_fails_with_its_name():
    unknown = ExecutionStarted(timestamp=NOW, name="gone", instance_id=IT, execution_id=ExecutionId("1"))
    result = advance(a_live_instance(), [unknown], NOW, engine(chain))
    assert (result.name, result.ended) == ("gone", RuntimeStatus.FAILED)


def lives(result: Advance) -> list[str]:
    return [transition.status.value for transition in result.transitions]


def test_a_begin_and_an_end_are_told_and_nothing_in_between():
    live, app = a_live_instance(), engine(fan)
    told: list[list[str]] = []
    for events in ([start()], [answer(0)], [answer(1)], [answer(2)]):
        live.engine = None
        result = advance(live, events, NOW, app)
        told.append(lives(result))
        committed(live, result)
    assert told == [["Running"], [], [], ["Completed"]]


def test_a_failure_and_a_termination_are_told_with_their_reasons():
    def main(context: Any) -> Any:
        raise ValueError("boom")

    (_, failed) = advance(a_live_instance(), [start()], NOW, engine(main)).transitions
    assert (failed.status, failed.reason.split("\n")[0].rstrip()) == (
        RuntimeStatus.FAILED,
        "Orchestrator function 'main' failed: boom",
    )
    ended = advance(a_live_instance(), [start(), ExecutionTerminated(timestamp=NOW, reason="enough")], NOW, engine(fan))
    assert lives(ended) == ["Running", "Terminated"]
    assert ended.transitions[1].reason == "enough"


def test_every_generation_tells_its_begin_and_its_end():
    def main(context: Any) -> Any:
        n = context.get_input() or 0
        if n < 2:
            context.continue_as_new(n + 1)
            return None
        return (yield context.call_activity("echo", n))

    live, app = a_live_instance(), engine(main)
    first = advance(live, [start()], NOW, app)
    assert lives(first) == ["Running", "Completed", "Running", "Completed", "Running"]
    committed(live, first)
    assert lives(advance(live, [answer(0)], NOW, app)) == ["Completed"]


def test_a_generation_that_waits_for_its_own_episode_is_told_of_in_that_one():
    def main(context: Any) -> Any:
        context.continue_as_new(1)

    live, app = a_live_instance(), engine(main)
    first = advance(live, [start()], NOW, app)
    assert lives(first) == ["Running", "Completed"] * 17
    assert isinstance(first.outcome.change, Restart)
    committed(live, first)
    assert lives(advance(live, first.outcome.change.carried, NOW, app)) == ["Running", "Completed"] * 17


def test_what_is_suspended_before_its_start_begins_when_it_is_resumed():
    live, app = a_live_instance(), engine(chain)
    first = advance(live, [ExecutionSuspended(timestamp=NOW, reason="")], NOW, app)
    committed(live, first)
    second = advance(live, [start()], NOW, app)
    committed(live, second)
    live.engine = None
    third = advance(live, [ExecutionResumed(timestamp=NOW, reason="")], NOW, app)
    assert [lives(first), lives(second), lives(third)] == [[], [], ["Running"]]
