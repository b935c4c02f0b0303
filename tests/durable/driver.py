"""Plays a scenario in every mode of an execution and asserts that its histories are the same.

A scenario is an orchestrator function, the activities and children that it calls, and steps: what happens to
the instance from outside, in order. After the last step time runs on until nothing is left to happen.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from durable.hosted_entity import EntityFunction
from durable.world import ActivityFunction, Hosted, Mode, OrchestratorFunction, Slow, World
from funchost.durable.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    HistoryEvent,
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
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus
from funchost.durable.user_code import Guard
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat

EVERY_MODE = tuple(Mode)
INSTANCE = InstanceId("it")

Activities = Mapping[str, ActivityFunction | Slow]
Step = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Played:
    """How a scenario came out. ``output`` is decoded when it completed, else the text as it is."""

    world: World
    hosted: Hosted

    @property
    def status(self) -> RuntimeStatus:
        return self.hosted.status

    @property
    def output(self) -> Any:
        text = self.hosted.output
        return json.loads(text) if self.status is RuntimeStatus.COMPLETED and text is not None else text

    @property
    def custom_status(self) -> Any:
        text = self.hosted.custom_status
        return None if text is None else json.loads(text)

    @property
    def history(self) -> list[HistoryEvent]:
        return self.hosted.live.past

    @property
    def words(self) -> list[str]:
        """The history without the frames of its episodes: ``TaskScheduled 0 hello``, ``TimerFired 1``."""
        return [text for event in self.history if (text := _words_of(event))]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.history if type(event) is kind]


class Scenario(TypedDict, total=False):
    """What the app of a scenario has, and how it is played."""

    activities: Activities
    children: Mapping[str, OrchestratorFunction]
    input_: Any
    settings: EngineSettings
    aliases: Mapping[str, str]
    input_types: Mapping[str, type]
    entities: Mapping[str, EntityFunction]
    batch_size: Callable[[], int]
    modes: Sequence[Mode]
    guard: Guard


def play(orchestrator: OrchestratorFunction, *steps: Step, **scenario: Unpack[Scenario]) -> Played:
    """The outcome in the last of ``modes``, which is that of all of them."""
    outcomes = [_play_in(mode, orchestrator, steps, scenario) for mode in scenario.get("modes", EVERY_MODE)]
    for outcome in outcomes[1:]:
        _assert_equal(outcomes[0].world, outcome.world)
    return outcomes[-1]


def _play_in(mode: Mode, orchestrator: OrchestratorFunction, steps: Sequence[Step], scenario: Scenario) -> Played:
    world = World(
        {"main": orchestrator, **scenario.get("children", {})},
        scenario.get("activities", {}),
        mode,
        settings=scenario.get("settings"),
        aliases=scenario.get("aliases"),
        input_types=scenario.get("input_types"),
        entities=scenario.get("entities"),
        batch_size=scenario.get("batch_size"),
        guard=scenario.get("guard"),
    )
    world.start("main", INSTANCE, scenario.get("input_"))
    for step in steps:
        step(world)
    world.run()
    world.close()
    return Played(world, world.instances[INSTANCE])


def result_of(orchestrator: OrchestratorFunction, *steps: Step, **scenario: Unpack[Scenario]) -> Any:
    """The output of a scenario that must complete."""
    played = play(orchestrator, *steps, **scenario)
    assert played.status is RuntimeStatus.COMPLETED, played.output
    return played.output


def failure_of(orchestrator: OrchestratorFunction, *steps: Step, **scenario: Unpack[Scenario]) -> str:
    """The text of a scenario that must fail."""
    played = play(orchestrator, *steps, **scenario)
    assert played.status is RuntimeStatus.FAILED, played.output
    assert isinstance(played.output, str)
    return played.output


def _assert_equal(first: World, second: World) -> None:
    assert list(first.instances) == list(second.instances)
    for one, other in zip(first.instances.values(), second.instances.values(), strict=True):
        assert encode_events(other.live.past).decode() == encode_events(one.live.past).decode()
        assert (other.statuses, other.output, other.custom_status) == (one.statuses, one.output, one.custom_status)


# --- steps ------------------------------------------------------------------------------------------


def settle(world: World) -> None:
    """Everything that is due now happens."""
    world.run(until=world.now)


def elapse(seconds: float) -> Step:
    def step(world: World) -> None:
        world.run(until=Instant(world.now + round(seconds * TICKS_PER_SECOND)))

    return step


def together(*posts: Step) -> Step:
    """What is posted arrives in one batch, with whatever else is due."""

    def step(world: World) -> None:
        for post in posts:
            post(world)
        settle(world)

    return step


def post(make: Callable[[Instant], HistoryEvent]) -> Step:
    return lambda world: world.post(INSTANCE, make(world.now))


def raised(name: str, data: Any = None) -> Step:
    return post(lambda now: EventRaised(timestamp=now, name=name, input=json.dumps(data)))


def suspended(reason: str | None = None) -> Step:
    return post(lambda now: ExecutionSuspended(timestamp=now, reason=reason))


def resumed(reason: str | None = None) -> Step:
    return post(lambda now: ExecutionResumed(timestamp=now, reason=reason))


def terminated(reason: str | None = None, *, recurse: bool = False) -> Step:
    return post(lambda now: ExecutionTerminated(timestamp=now, reason=reason, recurse=recurse))


def rewind(world: World) -> None:
    """Everything happens that is going to, and the instance, which has failed, goes on from before its failure."""
    world.run()
    assert world.rewind(INSTANCE, "again")


# --- histories in words -----------------------------------------------------------------------------


def _words_of(event: HistoryEvent) -> str:
    kind = type(event).__name__
    match event:
        case TaskScheduled() | SubOrchestrationInstanceCreated():
            return f"{kind} {event.event_id} {event.name}"
        case TaskCompleted() | TaskFailed() | SubOrchestrationInstanceCompleted() | SubOrchestrationInstanceFailed():
            return f"{kind} {event.task_id}"
        case TimerCreated():
            return f"{kind} {event.event_id} {isoformat(event.fire_at)[11:]}"
        case EventSent():
            return f"{kind} {event.event_id} {event.name} {event.instance_id}"
        case TimerFired():
            return f"{kind} {event.timer_id}"
        case EventRaised():
            return f"{kind} {event.name}"
        case ExecutionCompleted():
            return f"{kind} {event.event_id} {event.status}"
        case ExecutionStarted():
            return kind
        case ExecutionSuspended() | ExecutionResumed() | ExecutionTerminated():
            return kind
        case GenericEvent():
            return f"{kind} {event.reason or event.data}"
        case _:
            return ""
