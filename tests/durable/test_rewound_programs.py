"""Random programs that fail and are rewound, as often as it takes."""

from hypothesis import example, given
from hypothesis import strategies as st

from durable.driver import EVERY_MODE, INSTANCE
from durable.lives import EXPRESSIONS, STATEMENTS, Life, many, replayed, shown, world_of
from durable.programs import Call, Child, Compound, Demand, Earlier, Lock, Section, Statement
from durable.world import Mode, World
from funchost.durable.events import TaskCompleted
from funchost.durable.status import RuntimeStatus

REWINDS = 4

FAILING = st.builds(Call, st.sampled_from(["fast", "slow"]), st.integers(1, 3), st.integers(0, 2))
GROUPS = st.builds(
    Compound,
    st.sampled_from(["task_all", "task_any"]),
    st.tuples(FAILING, EXPRESSIONS) | st.tuples(EXPRESSIONS, FAILING),
)
DEMANDS: st.SearchStrategy[Statement] = st.builds(Demand, FAILING | GROUPS | EXPRESSIONS)
SECTIONS: st.SearchStrategy[Statement] = st.builds(
    Section, st.sampled_from(["a", "ab"]), st.lists(STATEMENTS | DEMANDS, min_size=1, max_size=3).map(tuple)
)
PROGRAMS = st.lists(STATEMENTS | DEMANDS | DEMANDS | SECTIONS, min_size=1, max_size=8).map(tuple)
LIVES = st.builds(Life, PROGRAMS, st.just(()), st.integers(0, 2**16))


def rewound_world(life: Life, mode: Mode) -> World:
    world = world_of(life, mode)
    world.start("main", INSTANCE)
    world.run()
    for _ in range(REWINDS):
        if world.instances[INSTANCE].status is RuntimeStatus.FAILED and world.rewind(INSTANCE):
            world.run()
    world.close()
    return world


@given(LIVES)
@many
def test_a_rewound_execution_lives_the_same_life_in_every_mode(life: Life):
    first, *others = (shown(rewound_world(life, mode)) for mode in EVERY_MODE)
    for other in others:
        assert other == first


ASKS_FOR_A_LOCK_AND_FAILS = Life(
    (
        Demand(Compound("task_any", (Child(False), Call("fast", 1, 0)))),
        Demand(
            Compound(
                "task_all",
                (
                    Call("fast", 1, 0),
                    Compound("task_all", (Call("fast", 0, 0), Lock("a"), Earlier(4), Call("fast", 1, 2))),
                ),
            )
        ),
    ),
    (),
    0,
)


@given(LIVES)
@example(ASKS_FOR_A_LOCK_AND_FAILS)
@many
def test_a_rewound_history_never_contradicts_its_code(life: Life):
    hosted = rewound_world(life, Mode.KEPT).instances[INSTANCE]
    assert "Non-Deterministic" not in (hosted.output or "")
    assert replayed(life, hosted, hosted.live.past).status is hosted.status


@given(LIVES)
@many
def test_no_call_succeeds_twice(life: Life):
    hosted = rewound_world(life, Mode.RECORDED).instances[INSTANCE]
    succeeded = [event.task_id for event in hosted.live.past if isinstance(event, TaskCompleted)]
    assert len(succeeded) == len(set(succeeded))
