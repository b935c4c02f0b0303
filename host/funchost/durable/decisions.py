"""From what the code asked for to what the history records of it.

Each action becomes one event of its number and, in the step, the work that the event stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from funchost.durable import texts
from funchost.durable.actions import Action, CallActivity, CallSubOrchestrator, CreateTimer, SendEvent
from funchost.durable.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated
from funchost.durable.functions import DurableFunctions
from funchost.durable.step import Step
from funchost.instant import Instant

__all__ = ["EngineSettings", "problem_with", "record"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Of host.json, what the engine itself obeys."""

    max_actions: int = 100_000
    default_version: str = ""
    store_inputs: bool = False
    http_poll_ms: int = 30_000


def problem_with(actions: Sequence[Action], functions: DurableFunctions) -> str | None:
    """Why the execution must fail over what it asked for: the text that names the missing function."""
    for action in actions:
        if isinstance(action, CallActivity) and functions.activity(action.name) is None:
            return texts.unknown_function(action.name, "activity", functions.activity_names)
        if isinstance(action, CallSubOrchestrator) and functions.orchestrator(action.name) is None:
            return texts.unknown_function(action.name, "orchestrator", functions.orchestrator_names)
    return None


def record(action: Action, step: Step, settings: EngineSettings, now: Instant) -> None:
    """Add ``action`` and its event to ``step``."""
    _RECORDERS[action.__class__](action, step, settings, now)


def _record_activity(action: CallActivity, step: Step, settings: EngineSettings, now: Instant) -> None:
    stored = action.input if settings.store_inputs else None
    step.activities.append(action)
    step.events.append(TaskScheduled(timestamp=now, event_id=action.id, name=action.name, input=stored))


def _record_child(action: CallSubOrchestrator, step: Step, settings: EngineSettings, now: Instant) -> None:
    if action.version is None:
        action.version = settings.default_version
    step.children.append(action)
    step.events.append(
        SubOrchestrationInstanceCreated(
            timestamp=now,
            event_id=action.id,
            name=action.name,
            instance_id=action.instance_id,
            input=action.input if settings.store_inputs else None,
            version=action.version,
        )
    )


def _record_timer(action: CreateTimer, step: Step, settings: EngineSettings, now: Instant) -> None:
    """A timer that was cancelled meanwhile keeps its event and is never set."""
    if not action.cancelled:
        step.timers.append(action)
    step.events.append(TimerCreated(timestamp=now, event_id=action.id, fire_at=action.fire_at))


def _record_sent(action: SendEvent, step: Step, settings: EngineSettings, now: Instant) -> None:
    step.sent.append(action)
    step.events.append(
        EventSent(
            timestamp=now, event_id=action.id, instance_id=action.instance_id, name=action.name, input=action.input
        )
    )


_RECORDERS: dict[type, Callable[[Any, Step, EngineSettings, Instant], None]] = {
    CallActivity: _record_activity,
    CallSubOrchestrator: _record_child,
    CreateTimer: _record_timer,
    SendEvent: _record_sent,
}
