"""Random programs, deliveries and interferences: whatever happens, the history tells all of it."""

from hypothesis import given
from hypothesis import strategies as st

from durable.driver import EVERY_MODE, INSTANCE
from durable.lives import STATEMENTS, Interference, Life, many, replayed, shown, world_of
from durable.programs import Fail, Statement
from durable.world import START, Mode, World
from funchost.durable.events import (
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant

RIVAL = InstanceId("rival")

ENDS: list[list[Statement]] = [[], [], [], [Fail()]]
PROGRAMS = st.tuples(st.lists(STATEMENTS, min_size=1, max_size=8), st.sampled_from(ENDS)).map(
    lambda parts: (*parts[0], *parts[1])
)
INTERFERENCES = st.lists(
    st.builds(
        Interference,
        st.integers(0, 80),
        st.sampled_from([*"abBabab", "suspend", "resume", "resume", "terminate", "stray"]),
        st.integers(0, 9),
    ),
    max_size=8,
)
LIVES = st.builds(Life, PROGRAMS, INTERFERENCES.map(tuple), st.integers(0, 2**16))


def live_through(life: Life, mode: Mode) -> World:
    world = world_of(life, mode, copies=(1, 1, 1, 2))
    world.start("rival", RIVAL)
    world.start("main", INSTANCE)
    for one in life.interferences:
        world.post(INSTANCE, one.event(), due=Instant(START + one.at * TICKS_PER_SECOND // 10))
    world.run()
    world.close()
    return world


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
