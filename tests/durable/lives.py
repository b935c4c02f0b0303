"""Random programs, and worlds to live them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
    TaskCompleted,
    encode_events,
)
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.ids import InstanceId

__all__ = ["EXPRESSIONS", "STATEMENTS", "Interference", "Life", "many", "replayed", "shown", "world_of"]

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)

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


@dataclass(frozen=True)
class Interference:
    """Something from outside, at a tenth of a second; a ``stray`` one is an answer to nothing."""

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


@dataclass(frozen=True)
class Life:
    """A program and all that happens to it. ``seed`` decides sizes of batches and repetitions."""

    program: tuple[Statement, ...]
    interferences: tuple[Interference, ...]
    seed: int


def world_of(life: Life, mode: Mode, *, copies: Sequence[int] = ()) -> World:
    """In which it can be lived. Each answer comes as often as the seed draws from ``copies``, or once."""
    random = Random(life.seed)
    return World(
        {"main": interpreted(life.program), "child": child, "rival": rival},
        activities(),
        mode,
        entities=ENTITIES,
        batch_size=lambda: random.randint(1, 4),
        copies=(lambda: random.choice(copies)) if copies else None,
    )


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
