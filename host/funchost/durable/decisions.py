"""From what the code asked for to what the history records of it.

Each action becomes one event of its number and, in the step, the work that the event stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from funchost.durable import texts
from funchost.durable.actions import (
    Action,
    AskEntity,
    CallActivity,
    CallSubOrchestrator,
    CreateTimer,
    ReleaseEntity,
)
from funchost.durable.deterministic_ids import request_id
from funchost.durable.entities.messages import RELEASE, Release
from funchost.durable.entities.outbox import request_to
from funchost.durable.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated
from funchost.durable.functions import DurableFunctions
from funchost.durable.step import SentEvent, Step
from funchost.durable.versions import VersionMatch, version_problem
from funchost.instant import Instant

__all__ = ["EngineSettings", "problem_with", "record"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Of host.json, what the engine itself obeys.

    ``fail_other_versions``: an instance whose version does not fit fails; otherwise nobody gives the engine one.
    """

    max_actions: int = 100_000
    default_version: str = ""
    version_match: VersionMatch = VersionMatch.CURRENT_OR_OLDER
    fail_other_versions: bool = False
    store_inputs: bool = False
    http_poll_ms: int = 30_000

    def version_problem(self, version: str) -> str | None:
        """Why instances of that version are not for this host; None: they are."""
        return version_problem(version, self.default_version, self.version_match)

    def left_to_others(self, version: str) -> str | None:
        """Why this host does not even take instances of that version; None: it does, though it may fail them."""
        return None if self.fail_other_versions else self.version_problem(version)


def problem_with(actions: Sequence[Action], functions: DurableFunctions) -> str | None:
    """Why the execution must fail over what it asked for: the text that names the missing function."""
    for action in actions:
        match action:
            case CallActivity(name=name) if functions.activity(name) is None:
                return texts.unknown_function(name, "activity", functions.activity_names)
            case CallSubOrchestrator(name=name) if functions.orchestrator(name) is None:
                return texts.unknown_function(name, "orchestrator", functions.orchestrator_names)
            case AskEntity() if missing := [name for name in _names_of(action) if functions.entity(name) is None]:
                return texts.unknown_function(missing[0], "entity", functions.entity_names)
            case _:
                continue
    return None


def _names_of(action: AskEntity) -> list[str]:
    return [member.name for member in action.request.lockset or (action.entity,)]


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


def _record_request(action: AskEntity, step: Step, settings: EngineSettings, now: Instant) -> None:
    assert step.start is not None, "nothing is asked for before the start"
    request = action.request
    request.id = request_id(step.start.execution_id, action.id)
    request.parent, request.parent_execution = step.start.instance_id, step.start.execution_id
    message = request_to(action.entity, request)
    _record_sent(SentEvent(message.to, message.name, message.input, message.due), action.id, step, now)


def _record_release(action: ReleaseEntity, step: Step, settings: EngineSettings, now: Instant) -> None:
    assert step.start is not None, "nothing is released before the start"
    release = Release(step.start.instance_id, action.lock.id)
    _record_sent(SentEvent(action.entity.instance_id, RELEASE, release.to_json()), action.id, step, now)


def _record_sent(sent: SentEvent, number: int, step: Step, now: Instant) -> None:
    step.sent.append(sent)
    step.events.append(EventSent(timestamp=now, event_id=number, instance_id=sent.to, name=sent.name, input=sent.input))


_RECORDERS: dict[type, Callable[[Any, Step, EngineSettings, Instant], None]] = {
    CallActivity: _record_activity,
    CallSubOrchestrator: _record_child,
    CreateTimer: _record_timer,
    AskEntity: _record_request,
    ReleaseEntity: _record_release,
}
