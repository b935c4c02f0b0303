"""What must hold when everything has completed, whatever was killed on the way. Raises AssertionError."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funchost.durable.events import (
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    GenericEvent,
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
from funchost.durable.rewinding import is_rewound
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import Instance, Query, TaskHub
from recovery.effects import MOST_POLLS, Effect
from recovery.flows import FLOWS, functions
from recovery.host import Folder

__all__ = ["Found", "answers_match_requests", "find", "input_of", "nothing_waits", "verify"]

_DECISIONS = (
    TaskScheduled,
    TimerCreated,
    SubOrchestrationInstanceCreated,
    EventSent,
    ExecutionCompleted,
    OrchestratorCompleted,
)
_PAIRS: tuple[tuple[type, tuple[type, ...]], ...] = (
    (TaskScheduled, (TaskCompleted, TaskFailed)),
    (TimerCreated, (TimerFired,)),
    (SubOrchestrationInstanceCreated, (SubOrchestrationInstanceCompleted, SubOrchestrationInstanceFailed)),
)

_TIMES = {"poll": MOST_POLLS + 1, "fragile": 2}
"""What is run more than once for one request: one that comes again, and one that is asked for again by a rewind."""


@dataclass(frozen=True, slots=True)
class Found:
    """One instance as it is in the end."""

    instance: Instance
    history: Sequence[HistoryEvent]


async def find(hub: TaskHub) -> Mapping[InstanceId, Found]:
    """Every orchestration in the hub, children included."""
    page = await hub.list(Query(entities=False, top=None))
    return {one.id: Found(one, await hub.history(one.id)) for one in page.instances}


async def verify(hub: TaskHub, folder: Folder, started: Collection[InstanceId], *, runs: int) -> None:
    """``started`` are there and everything is right; no activity of a request ran more than ``runs`` times."""
    found = await find(hub)
    assert found.keys() >= set(started)
    for one in found.values():
        try:
            _ended_as_expected(one)
            answers_match_requests(one.history)
            _replays(one)
        except AssertionError as exc:
            lines = "\n".join(repr(event) for event in one.history)
            raise AssertionError(f"{one.instance}\n{lines}\n{exc}") from exc
    _effects_match_histories(found.values(), folder.effects.read(), runs)
    assert nothing_waits(folder), "queue or outbox"


def _ended_as_expected(found: Found) -> None:
    instance = found.instance
    flow = FLOWS[instance.name]
    assert instance.status is flow.status
    (end,) = [event for event in found.history if isinstance(event, ExecutionCompleted)]
    assert (end.status, end.result) == (instance.status, instance.output)
    expected = flow.expected(input_of(instance))
    if flow.status is RuntimeStatus.COMPLETED:
        assert json.loads(instance.output or "null") == expected
    else:
        assert expected in (instance.output or "")


def input_of(instance: Instance) -> dict[str, Any]:
    given = json.loads(instance.input or "{}")
    # What a parent gives its child is text once more, as the reference host has it.
    return json.loads(given) if isinstance(given, str) else given


def answers_match_requests(history: Sequence[HistoryEvent]) -> None:
    """One answer for each number that was asked for, none for any other; the terminated may lack some."""
    (end,) = [event for event in history if isinstance(event, ExecutionCompleted)]
    # What a rewind left without effect is asked for again under its number.
    drawn = [event.event_id for event in history if event.event_id >= 0 and not isinstance(event, GenericEvent)]
    assert len(drawn) == len(set(drawn))
    for request, answers in _PAIRS:
        asked = {event.event_id for event in history if isinstance(event, request)}
        answered = Counter(_answered_number(event) for event in history if isinstance(event, answers))
        assert answered.keys() <= asked, f"answered without a request: {answered.keys() - asked}"
        assert all(count == 1 for count in answered.values()), f"answered more than once: {answered}"
        if request is not TimerCreated and end.status is not RuntimeStatus.TERMINATED:
            assert answered.keys() == asked, f"never answered: {asked - answered.keys()}"


def _answered_number(event: Any) -> int:
    return event.timer_id if isinstance(event, TimerFired) else event.task_id


def _replays(found: Found) -> None:
    """Each episode, run again on what was before it, decides what it decided then.

    Those before a rewind do not: what they decided was changed.
    """
    episodes = _episodes(found.history)
    changed = 1 + max((index for index, episode in enumerate(episodes) if is_rewound(episode)), default=-1)
    past = [event for episode in episodes[:changed] for event in episode]
    for episode in episodes[changed:]:
        received = [event for event in episode[1:] if not isinstance(event, _DECISIONS)]
        execution = Execution(found.instance.execution, functions(), EngineSettings())
        step = execution.replay(past, received, episode[0].timestamp)
        execution.close()
        assert encode_events(step.events) == encode_events(episode), f"replayed as {step.events}"
        past += episode


def _episodes(history: Sequence[HistoryEvent]) -> list[list[HistoryEvent]]:
    episodes = list[list[HistoryEvent]]()
    for event in history:
        if isinstance(event, OrchestratorStarted):
            episodes.append([])
        episodes[-1].append(event)
    return episodes


def _effects_match_histories(found: Collection[Found], effects: Sequence[Effect], runs: int) -> None:
    by_request = defaultdict[tuple[str, int], list[Effect]](list)
    for effect in effects:
        by_request[effect.request].append(effect)
    for request, done in by_request.items():
        assert len(done) <= runs * _TIMES.get(done[0].name, 1), f"{request} ran {len(done)} times"
    for one in found:
        execution = _execution_of(one.history)
        scheduled = {event.event_id for event in one.history if isinstance(event, TaskScheduled)}
        ran = {task for key, task in by_request if key == execution}
        assert ran <= scheduled, f"{one.instance.id}: ran without being scheduled: {ran - scheduled}"
        for event in one.history:
            if isinstance(event, TaskCompleted):
                taken = json.loads(event.result or "null")["run"]
                assert taken in [effect.run for effect in by_request[execution, event.task_id]]
            elif isinstance(event, TaskFailed):
                assert by_request[execution, event.task_id]


def _execution_of(history: Sequence[HistoryEvent]) -> ExecutionId:
    (start,) = [event for event in history if isinstance(event, ExecutionStarted)]
    return start.execution_id


def nothing_waits(folder: Folder) -> bool:
    connection = sqlite3.connect(folder.database)
    try:
        tables = ("message", "activity")
        return not any(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    finally:
        connection.close()
