"""A task hub of a few lines, in virtual time: what an orchestration lives in while it is tested.

Messages wait in one queue by the time they are due. Activities are Python functions and answer at once, or
after the virtual seconds that :class:`Slow` names; entities are the real ones and take one message
after the other. Whatever is due for an instance at one moment arrives together, unless ``batch_size`` says otherwise.
Answers for a failed instance are kept until it is rewound.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NoReturn
from uuid import uuid4

from durable.hosted_entity import EntityFunction, HostedEntity
from funchost.durable import payloads
from funchost.durable.entities.batch import EntityEngine
from funchost.durable.entities.ids import EntityKey, entity_of, is_entity
from funchost.durable.events import (
    EventRaised,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TimerFired,
    decode_events,
    encode_events,
)
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import DurableFunctions, Entity, FunctionNames, Orchestrator
from funchost.durable.rewinding import children_to_rewind, locks_missed, rewound
from funchost.durable.status import RuntimeStatus
from funchost.durable.user_code import Guard
from funchost.errors import InstanceExists
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant, parse
from funchost.taskhub import UNCHANGED, ActivityWork, NewActivity, Outcome, Restart, Send, StatusChange
from funchost.taskhub.worker import activity
from funchost.taskhub.worker.advance import Advance, Engine, adopt, advance
from funchost.taskhub.worker.live import LiveInstance

START = parse("2024-01-01T00:00:00Z")
EPISODE_TICKS = TICKS_PER_SECOND // 1000
"""How long an episode takes."""

OrchestratorFunction = Callable[[Any], Any]
ActivityFunction = Callable[[Any], Any]


class Mode(Enum):
    """What is left of an execution between two episodes."""

    REPLAYED = auto()
    """Nothing: every episode runs the code from the start, on a history read back from its encoding."""
    KEPT = auto()
    """The generator, suspended at its yield."""
    RECORDED = auto()
    """What the closed generator waits for."""


@dataclass(frozen=True, slots=True)
class Slow:
    """An activity that takes its (virtual) time."""

    seconds: float
    function: ActivityFunction


@dataclass(slots=True)
class Hosted:
    """One instance: what a worker holds of it, and its view."""

    live: LiveInstance
    status: RuntimeStatus = RuntimeStatus.PENDING
    output: str | None = None
    custom_status: str | None = None
    statuses: list[RuntimeStatus] = field(default_factory=list[RuntimeStatus])
    episodes: list[Advance] = field(default_factory=list[Advance])
    kept: list["Message"] = field(default_factory=list["Message"])

    def show(self, change: StatusChange) -> None:
        if change.status is not UNCHANGED:
            self.status = change.status
            self.statuses.append(change.status)
        if change.output is not UNCHANGED:
            self.output = change.output
        if change.custom_status is not UNCHANGED:
            self.custom_status = change.custom_status


@dataclass(order=True, slots=True)
class Message:
    due: Instant
    order: int
    to: InstanceId = field(compare=False)
    event: HistoryEvent = field(compare=False)
    execution: ExecutionId | None = field(compare=False, default=None)


@dataclass(frozen=True, slots=True)
class NamedActivity:
    """A plain function as the activity protocol wants it."""

    name: str
    function: ActivityFunction
    is_async: bool = False

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        return activity.encode(self.function(argument))

    async def call_async(self, argument: Any, work: ActivityWork) -> str | None:
        raise NotImplementedError


def _function(activity: ActivityFunction | Slow) -> ActivityFunction:
    return activity.function if isinstance(activity, Slow) else activity


class World:
    """Instances, their messages, and a clock that stands still unless told otherwise."""

    def __init__(
        self,
        orchestrators: Mapping[str, OrchestratorFunction],
        activities: Mapping[str, ActivityFunction | Slow],
        mode: Mode,
        *,
        settings: EngineSettings | None = None,
        aliases: Mapping[str, str] | None = None,
        input_types: Mapping[str, type] | None = None,
        entities: Mapping[str, EntityFunction] | None = None,
        batch_size: Callable[[], int] | None = None,
        copies: Callable[[], int] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.now = START
        self.instances: dict[InstanceId, Hosted] = {}
        self.activities_run: list[str] = []
        self.entities: dict[EntityKey, HostedEntity] = {}
        self._activities = activities
        self._mode = mode
        self._batch_size = batch_size or (lambda: 1_000_000)
        self._copies = copies or (lambda: 1)
        self._messages: list[Message] = []
        self._order = itertools.count()
        self._executions = itertools.count(1)
        types = input_types or {}
        functions = DurableFunctions(
            [Orchestrator(name, call, types.get(name)) for name, call in orchestrators.items()],
            activities,
            aliases,
            entities=[Entity(name, call) for name, call in (entities or {}).items()],
            references=FunctionNames(
                [
                    *(("orchestrator", call, name) for name, call in orchestrators.items()),
                    *(("activity", _function(of), name) for name, of in activities.items()),
                ]
            ),
        )
        self._engine = Engine(
            functions,
            settings or EngineSettings(),
            lambda name, instance: copy_context(),
            self._new_execution,
            guard,
        )
        self._entity_engine = EntityEngine(functions, new_guid=uuid4, finish=_no_coroutine)

    def _new_execution(self) -> ExecutionId:
        return ExecutionId(f"{next(self._executions):032x}")

    # --- messages --------------------------------------------------------------------------------

    def start(self, name: str, instance: InstanceId, input_: Any = None, *, version: str = "") -> None:
        stored = None if input_ is None else payloads.wrap(payloads.encode(input_))
        started = ExecutionStarted(
            timestamp=self.now,
            name=name,
            instance_id=instance,
            execution_id=self._new_execution(),
            input=stored,
            version=version,
        )
        self.post(instance, started)

    def post(
        self, to: InstanceId, event: HistoryEvent, *, due: Instant | None = None, execution: ExecutionId | None = None
    ) -> None:
        if isinstance(event, ExecutionStarted):
            self.instances[to] = Hosted(LiveInstance(to, event.execution_id, None, []))
        message = Message(self.now if due is None else due, next(self._order), to, event, execution)
        heapq.heappush(self._messages, message)

    def run(self, until: Instant | None = None) -> None:
        """Deliver what is due ``until`` then, in the order of time; None: everything there will ever be."""
        while self._messages and (until is None or self._messages[0].due <= until):
            self.now = max(self.now, self._messages[0].due)
            self._deliver(self._messages[0].to)
        if until is not None:
            self.now = max(self.now, until)

    def entity(self, name: str, key: str) -> HostedEntity:
        found = EntityKey(name, key)
        return self.entities.setdefault(found, HostedEntity(found, self._entity_engine))

    def rewind(self, instance: InstanceId, reason: str | None = None) -> bool:
        """A failed instance and the failed children that brought it down go on; the deepest of them wake.

        False: it is refused, as by a hub, because it failed with locks that it had or was asking for.
        """
        hosted = self.instances[instance]
        assert hosted.status is RuntimeStatus.FAILED
        if locks_missed(rewound(hosted.live.past)):
            return False
        anew, leaf = set[int](), True
        for child in children_to_rewind(hosted.live.past):
            there = self.instances.get(child.instance)
            if there is None or (child.failed and there.status is not RuntimeStatus.FAILED):
                anew.add(child.task)
            elif child.failed:
                self.rewind(child.instance, reason)
                leaf = False
        past = rewound(hosted.live.past, anew=anew)
        hosted.live = LiveInstance(instance, hosted.live.execution, None, past)
        hosted.show(StatusChange(RuntimeStatus.PENDING, None))
        for message in hosted.kept:
            self.post(message.to, message.event, execution=message.execution)
        hosted.kept = []
        if leaf:
            self.post(instance, GenericEvent(timestamp=self.now, data=reason))
        return True

    def close(self) -> None:
        """Close what is still suspended, as a host does that ends."""
        for hosted in self.instances.values():
            if hosted.live.engine is not None:
                hosted.live.engine.close()

    def _deliver(self, to: InstanceId) -> None:
        due = sorted(m for m in self._messages if m.to == to and m.due <= self.now)[: max(1, self._batch_size())]
        taken = {message.order for message in due}
        self._messages = [m for m in self._messages if m.order not in taken]
        heapq.heapify(self._messages)
        if is_entity(to):
            self._deliver_to_entity(to, due)
            return
        hosted = self.instances.get(to)
        if hosted is None:
            return
        if hosted.status.is_terminal:
            self._keep_answers(hosted, due)
            return
        events = [m.event for m in due if m.execution in (None, hosted.live.execution)]
        if events:
            self._run_episode(hosted, [event for event in events for _ in range(self._copies())])

    def _deliver_to_entity(self, to: InstanceId, messages: Sequence[Message]) -> None:
        key = entity_of(to)
        for message in messages:
            assert isinstance(message.event, EventRaised)
            for send in self.entity(key.name, key.key).take(message.event, self.now):
                self._send(send)

    # --- episodes --------------------------------------------------------------------------------

    def _run_episode(self, hosted: Hosted, events: Sequence[HistoryEvent]) -> None:
        live = hosted.live
        before = list(live.past)
        result = advance(live, events, self.now, self._engine)
        assert live.past == before, "nothing of a live instance changes before the commit"
        hosted.episodes.append(result)
        self.now = Instant(self.now + EPISODE_TICKS)
        adopt(live, result)
        if result.outcome.status is not None:
            hosted.show(result.outcome.status)
        self._keep(hosted, result)
        self._carry_out(hosted, result.outcome)

    def _keep(self, hosted: Hosted, result: Advance) -> None:
        live = hosted.live
        match self._mode:
            case Mode.REPLAYED:
                result.engine.close()
                live.engine = None
                live.past = decode_events(encode_events(live.past))
            case Mode.KEPT if result.engine.must_be_replayed is None:
                pass
            case Mode.KEPT | Mode.RECORDED:
                result.engine.close()

    def _carry_out(self, hosted: Hosted, outcome: Outcome) -> None:
        live = hosted.live
        if isinstance(outcome.change, Restart):
            for event in outcome.change.carried:
                heapq.heappush(self._messages, Message(self.now, next(self._order), live.instance, event))
        for number in outcome.cancelled_timers:
            self._forget_timer(live, number)
        for send in outcome.sends:
            self._send(send)
        if hosted.status.is_terminal:
            self._end_messages(hosted)
            return
        for new in outcome.activities:
            self._run_activity(live, new)

    def _end_messages(self, hosted: Hosted) -> None:
        to = hosted.live.instance
        self._keep_answers(hosted, [m for m in self._messages if m.to == to])
        self._messages = [m for m in self._messages if m.to != to]
        heapq.heapify(self._messages)

    def _keep_answers(self, hosted: Hosted, messages: Sequence[Message]) -> None:
        kinds = EventRaised | SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed
        if hosted.status is RuntimeStatus.FAILED:
            mine = [m for m in messages if m.execution == hosted.live.execution and isinstance(m.event, kinds)]
            hosted.kept += mine

    def _forget_timer(self, live: LiveInstance, number: int) -> None:
        self._messages = [
            m
            for m in self._messages
            if not (m.to == live.instance and isinstance(m.event, TimerFired) and m.event.timer_id == number)
        ]
        heapq.heapify(self._messages)

    def _send(self, send: Send) -> None:
        event = send.event
        existing = self.instances.get(send.to)
        if isinstance(event, ExecutionStarted) and existing is not None and not existing.status.is_terminal:
            assert event.parent is not None
            refusal = str(InstanceExists(send.to, existing.status))
            event = SubOrchestrationInstanceFailed(timestamp=self.now, task_id=event.parent.task_id, reason=refusal)
            self.post(send.event.parent.instance_id, event)  # type: ignore[union-attr]  # narrowed above
            return
        self.post(send.to, event, due=send.due, execution=send.execution)

    def _run_activity(self, live: LiveInstance, new: NewActivity) -> None:
        found = next(a for name, a in self._activities.items() if name.lower() == new.name.lower())
        seconds, function = (found.seconds, found.function) if isinstance(found, Slow) else (0.0, found)
        work = ActivityWork(live.instance, live.execution, new.task, new.name, new.input, None)
        self.activities_run.append(new.name)
        due = Instant(self.now + round(seconds * TICKS_PER_SECOND))
        answer = activity.run(NamedActivity(new.name, function), work, lambda: due)
        self.post(live.instance, answer, due=due, execution=live.execution)


def _no_coroutine(coroutine: object) -> NoReturn:
    raise NotImplementedError("entities of this world are plain functions")
