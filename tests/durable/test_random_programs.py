"""Random programs, deliveries and interferences: whatever happens, the history tells all of it."""

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.driver import EVERY_MODE, INSTANCE
from durable.programs import (
    ENTITIES,
    Again,
    Await,
    Call,
    CallEntity,
    Cancel,
    Child,
    Compound,
    Earlier,
    Expression,
    Fail,
    Lock,
    Look,
    Make,
    Release,
    Section,
    Signal,
    Statement,
    Status,
    Timer,
    Wait,
    activities,
    child,
    interpreted,
    rival,
)
from durable.world import START, Hosted, Mode, World
from funchost.durable.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    encode_events,
)
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant

KEYS = st.text("abc", min_size=1, max_size=2)
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(
        st.builds(Call, st.sampled_from(["fast", "slow", "slower"]), st.integers(0, 3), st.integers(0, 3)),
        st.builds(Child, st.booleans()),
        st.builds(Timer, st.integers(-1, 8)),
        st.builds(Wait, st.sampled_from(["a", "b", "A"])),
        st.builds(CallEntity, st.sampled_from("abc"), st.sampled_from(["add", "add", "fail"])),
        st.builds(Lock, KEYS),
        st.builds(Earlier, st.integers(0, 4)),
    ),
    lambda inner: st.builds(
        Compound, st.sampled_from(["task_all", "task_any"]), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=5,
)
SIMPLE: st.SearchStrategy[Statement] = st.one_of(
    *[st.builds(Await, EXPRESSIONS)] * 4,
    st.builds(Make, EXPRESSIONS),
    st.builds(Cancel, st.integers(0, 2)),
    st.builds(Status, st.sampled_from(["", "one", "two"])),
    st.just(Look()),
    st.just(Again()),
    st.just(Release()),
    st.builds(Signal, st.sampled_from("abc"), st.integers(0, 3)),
)
STATEMENTS: st.SearchStrategy[Statement] = st.one_of(
    SIMPLE, SIMPLE, st.builds(Section, KEYS, st.lists(SIMPLE, max_size=3).map(tuple))
)
ENDS: list[list[Statement]] = [[], [], [], [Fail()]]
PROGRAMS = st.tuples(st.lists(STATEMENTS, min_size=1, max_size=8), st.sampled_from(ENDS)).map(
    lambda parts: (*parts[0], *parts[1])
)


RIVAL = InstanceId("rival")


@dataclass(frozen=True)
class Interference:
    """Something from outside, at a tenth of a second; ``late`` ones repeat an answer."""

    at: int
    kind: str
    number: int

    def event(self) -> HistoryEvent:
        now = START
        match self.kind:
            case "a" | "b" | "B":
                return EventRaised(timestamp=now, name=self.kind, input=str(self.number))
            case "suspend":
                return ExecutionSuspended(timestamp=now, reason="s")
            case "resume":
                return ExecutionResumed(timestamp=now, reason="r")
            case "terminate":
                return ExecutionTerminated(timestamp=now, reason="t")
            case _:
                return TaskCompleted(timestamp=now, task_id=self.number + 100, result="1")


INTERFERENCES = st.lists(
    st.builds(
        Interference,
        st.integers(0, 80),
        st.sampled_from([*"abBabab", "suspend", "resume", "resume", "terminate", "stray"]),
        st.integers(0, 9),
    ),
    max_size=8,
)


@dataclass(frozen=True)
class Life:
    """A program and all that happens to it. ``seed`` decides sizes of batches and repetitions."""

    program: tuple[Statement, ...]
    interferences: tuple[Interference, ...]
    seed: int


LIVES = st.builds(Life, PROGRAMS, INTERFERENCES.map(tuple), st.integers(0, 2**16))


def live_through(life: Life, mode: Mode) -> World:
    random = Random(life.seed)
    world = World(
        {"main": interpreted(life.program), "child": child, "rival": rival},
        activities(),
        mode,
        entities=ENTITIES,
        batch_size=lambda: random.randint(1, 4),
        copies=lambda: random.choice((1, 1, 1, 2)),
    )
    world.start("rival", RIVAL)
    world.start("main", INSTANCE)
    for one in life.interferences:
        world.post(INSTANCE, one.event(), due=Instant(START + one.at * TICKS_PER_SECOND // 10))
    world.run()
    world.close()
    return world


def shown(world: World) -> dict[InstanceId, Any]:
    return {
        key: (encode_events(one.live.past), one.statuses, one.output, one.custom_status)
        for key, one in world.instances.items()
    }


def replayed(life: Life, hosted: Hosted, past: list[HistoryEvent]) -> Execution:
    functions = DurableFunctions(
        [
            Orchestrator("main", interpreted(life.program)),
            Orchestrator("child", child),
            Orchestrator("rival", rival),
        ],
        activities(),
        entities=[Entity(name, call) for name, call in ENTITIES.items()],
    )
    execution = Execution(hosted.live.execution, functions, EngineSettings())
    step = execution.replay(past, [], START)
    execution.close()
    assert [type(event) for event in step.events] == [OrchestratorStarted, OrchestratorCompleted]
    assert (step.status, step.ending, step.successor, step.custom_status_changed) == (None, None, None, False)
    return execution


def without_repeated_answers(events: list[HistoryEvent]) -> list[HistoryEvent]:
    kept: list[HistoryEvent] = []
    answered: set[int] = set()
    for event in events:
        number = _answered_number(event)
        if number is None or number not in answered:
            kept.append(event)
        if number is not None:
            answered.add(number)
    return kept


def _answered_number(event: HistoryEvent) -> int | None:
    match event:
        case TaskCompleted() | TaskFailed() | SubOrchestrationInstanceCompleted() | SubOrchestrationInstanceFailed():
            return event.task_id
        case TimerFired():
            return event.timer_id
        case _:
            return None


many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


@given(LIVES)
@many
def test_every_mode_of_an_execution_lives_the_same_life(life: Life):
    first, *others = (shown(live_through(life, mode)) for mode in EVERY_MODE)
    for other in others:
        assert other == first


@given(LIVES)
@many
def test_a_final_history_replays_to_the_same_end_and_asks_for_nothing(life: Life):
    world = live_through(life, Mode.KEPT)
    for hosted in world.instances.values():
        again = replayed(life, hosted, hosted.live.past)
        assert again.status is hosted.status


@given(LIVES)
@many
def test_of_all_answers_under_a_number_only_the_first_has_an_effect(life: Life):
    hosted = live_through(life, Mode.RECORDED).instances[INSTANCE]
    replayed(life, hosted, without_repeated_answers(hosted.live.past))


@given(LIVES)
@many
def test_what_completes_leaves_nothing_unanswered(life: Life):
    hosted = live_through(life, Mode.RECORDED).instances[INSTANCE]
    if hosted.status not in (RuntimeStatus.COMPLETED, RuntimeStatus.FAILED):
        return
    past = hosted.live.past
    numbers = [event.event_id for event in past if event.event_id >= 0]
    assert sorted(numbers) == list(range(len(numbers))), "numbers are drawn without gaps"
    asked = {e.event_id for e in past if isinstance(e, (TaskScheduled, SubOrchestrationInstanceCreated))}
    answered = {number for event in past if (number := _answered_number(event)) is not None}
    assert asked <= answered
    fired = {e.timer_id for e in past if isinstance(e, TimerFired)}
    assert fired <= {e.event_id for e in past if isinstance(e, TimerCreated)}


@given(LIVES)
@many
def test_each_entity_of_a_lock_is_released_once_and_nothing_stays_locked_by_what_has_ended(life: Life):
    world = live_through(life, Mode.RECORDED)
    over = {key for key, hosted in world.instances.items() if hosted.status.is_terminal}
    for entity in world.entities.values():
        assert set(entity.locks_released.values()) <= {1}
        assert entity.locked_by not in over
    if over == set(world.instances):
        assert all(entity.locks_asked <= set(entity.locks_released) for entity in world.entities.values())
