"""The orchestration context: all that orchestrator code may ask for.

Names, parameters and errors are the SDK's, and so is the base class, for ``isinstance`` in user code. A call
makes a task and serialises its input at once; nothing is scheduled before the task is yielded.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

from funchost.durable import http_call, payloads, sdk
from funchost.durable.actions import CallActivity, CallSubOrchestrator, CreateTimer
from funchost.durable.adopted import adopted_all
from funchost.durable.deterministic_ids import new_guid, new_uuid
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entity_calls import EntityTask, call_of, signal_of
from funchost.durable.events import ExecutionStarted, HistoryEvent
from funchost.durable.functions import HTTP_ACTIVITY, DurableFunctions
from funchost.durable.histories import HistoryEventView, history_views
from funchost.durable.labels import checked_text
from funchost.durable.locks import LockTask
from funchost.durable.moments import instant_of
from funchost.durable.open_tasks import EventWait, OpenTasks
from funchost.durable.references import resolve
from funchost.durable.retry import RetryPolicy, rule_of
from funchost.durable.tasks import (
    AtomicTask,
    HttpTask,
    ReadyTask,
    RetryAbleTask,
    T,
    Task,
    TimerTask,
    WhenAllTask,
    WhenAnyTask,
)
from funchost.errors import LockingRulesViolation
from funchost.ids import InstanceId, illegal_in_ids
from funchost.instant import Instant, to_datetime

__all__ = ["Events", "OrchestrationContext"]

Reference = str | sdk.FunctionBuilder | Callable[..., Generator[Any, Any, T] | Awaitable[T] | T]
"""The name of a function, what its decorator returned, or the function: it says what the result is."""

_MAX_STATUS_KB = 16


class Events(Protocol):
    """Where the context finds the history when user code asks for it."""

    past: list[HistoryEvent]
    arriving: list[HistoryEvent]


class OrchestrationContext(sdk.DurableOrchestrationContext):
    """What an orchestrator function gets as its one argument."""

    def __init__(
        self,
        start: ExecutionStarted,
        tasks: OpenTasks,
        functions: DurableFunctions,
        events: Events,
        *,
        input_type: type | None = None,
        http_poll_ms: int = 30_000,
    ) -> None:
        # The SDK's constructor parses the payload of a protocol that this engine does not speak.
        self._start = start
        self._tasks = tasks
        self._functions = functions
        self._events = events
        self._input_type = input_type
        self._time_set: tuple[datetime, Instant] | None = None
        self._guid_counter = 0
        self._status: Any = None
        self._http_poll_ms = http_poll_ms
        self.replaying = tasks.episode > 1
        self.status_json: str | None = None
        self.status_set = False
        self.histories_read = False
        self.new_input: str | None = None
        self.continuing = False
        self.sealed = False

    # --- facts ---------------------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        return self._start.instance_id

    @property
    def parent_instance_id(self) -> str | None:
        return None if self._start.parent is None else self._start.parent.instance_id

    @property
    def version(self) -> str:
        return self._start.version

    @property
    def is_replaying(self) -> bool:
        """Whether the code up to the next yield has run before."""
        return self.replaying

    @property
    def current_utc_datetime(self) -> datetime:
        """Aware UTC, the same at the same place of the code in every replay."""
        now = self._tasks.now
        if self._time_set is None:
            return to_datetime(now)
        moment, when = self._time_set
        return moment if now == when else max(moment, to_datetime(now))

    @current_utc_datetime.setter
    def current_utc_datetime(self, value: datetime) -> None:
        """Holds until the next episode, which raises it as it raises the clock. A naive time is UTC."""
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        self._time_set = moment, self._tasks.now

    @property
    def histories(self) -> list[HistoryEventView]:
        """All events of this run, those of the running episode included."""
        self.histories_read = True
        return history_views(self._events.past, self._events.arriving)

    @property
    def function_context(self) -> Any:
        return SimpleNamespace(defaultHttpAsyncRequestSleepTimeMillseconds=self._http_poll_ms)

    @property
    def will_continue_as_new(self) -> bool:
        return self.continuing

    @property
    def custom_status(self) -> Any:
        """The last value set in this run, None before."""
        return self._status

    def get_input(self, expected_type: type[T] | None = None) -> T:
        """The decoded input, a fresh object at each call; None when there is none."""
        return payloads.decode_input(self._start.input, expected_type or self._input_type)

    # --- work ----------------------------------------------------------------------------------

    def call_activity(self, name: Reference[T], input_: Any = None, expected_type: type[T] | None = None) -> Task[T]:
        return self._activity(*self._activity_call(name, input_, expected_type))

    def call_activity_with_retry(
        self,
        name: Reference[T],
        retry_options: sdk.RetryOptions | RetryPolicy | None,
        input_: Any = None,
        expected_type: type[T] | None = None,
    ) -> Task[T]:
        call = self._activity_call(name, input_, expected_type)
        if retry_options is None:
            return self._activity(*call)
        return RetryAbleTask(self._tasks, rule_of(retry_options), lambda: self._activity(*call))

    def call_sub_orchestrator(
        self,
        name: Reference[T],
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: type[T] | None = None,
    ) -> Task[T]:
        return self._child(*self._child_call(name, input_, instance_id, version, expected_type))

    def call_sub_orchestrator_with_retry(
        self,
        name: Reference[T],
        retry_options: sdk.RetryOptions | RetryPolicy | None,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: type[T] | None = None,
    ) -> Task[T]:
        call = self._child_call(name, input_, instance_id, version, expected_type)
        if retry_options is None:
            return self._child(*call)
        return RetryAbleTask(self._tasks, rule_of(retry_options), lambda: self._child(*call))

    def call_http(
        self,
        method: str,
        uri: str,
        content: Any = None,
        headers: Mapping[str, Any] | None = None,
        token_source: Any = None,
        is_raw_str: bool = False,
        *,
        timeout: timedelta | float | None = None,
        retry: sdk.RetryOptions | RetryPolicy | None = None,
        retry_on: Collection[int] | None = None,
        poll: bool = True,
    ) -> Task[dict[str, Any]]:
        """A request; its result is a dict of ``statusCode``, ``headers`` and ``content`` (text).

        Content that is no raw string is sent as JSON. No status fails the task, unless ``retry`` is given: then
        each status of ``retry_on`` (None: each that is not 2xx) fails an attempt, as does a request that comes to no
        answer, or to none within ``timeout`` (seconds, None: 240). An answer 202 is followed to the resource that
        its ``Location`` names until that answers otherwise; ``poll=False`` takes the 202 for the answer.
        """
        rule = None if retry is None else rule_of(retry)
        body = http_call.body_text(content, is_raw_str=is_raw_str)
        request = http_call.request_object(method, uri, body, headers, token_source)
        request |= http_call.sending_options(timeout=timeout, rule=rule, retry_on=retry_on, poll=poll)
        stored = json.dumps([request])

        def attempt() -> HttpTask:
            return HttpTask(self._tasks, CallActivity(-1, HTTP_ACTIVITY, stored))

        return attempt() if rule is None else RetryAbleTask(self._tasks, rule, attempt)

    def create_timer(self, fire_at: datetime | date | timedelta) -> TimerTask:
        """A timer of any length. An aware time is converted to UTC, a naive one is UTC, a timedelta counts from
        now."""
        return TimerTask(self._tasks, CreateTimer(-1, instant_of(fire_at, self._tasks.now, "fireAt")))

    def wait_for_external_event(self, name: str, expected_type: type[T] | None = None) -> Task[T]:
        if not name:
            raise ValueError("external_event_name cannot be empty")
        name = checked_text(name, "external_event_name")
        return AtomicTask(self._tasks, EventWait(name), expected_type)

    def task_all(self, activities: Collection[Task[T]]) -> Task[list[T]]:
        return WhenAllTask(self._tasks, adopted_all(self._tasks, activities))

    def task_any(self, activities: Collection[Task[T]]) -> Task[Task[T]]:
        return WhenAnyTask(self._tasks, adopted_all(self._tasks, activities))

    def call_entity(
        self, entityId: Any, operationName: str, operationInput: Any = None, expected_type: type[T] | None = None
    ) -> Task[T]:
        """Its result is that of the operation; an error of the entity is an ``Exception`` with its text.

        Raises LockingRulesViolation for an entity that the critical section does not hold, ValueError and
        TypeError for what cannot be sent.
        """
        action = call_of(entityId, operationName, operationInput)
        _refuse(self._tasks.section.against_call(action.entity))
        return EntityTask(self._tasks, action, expected_type)

    def signal_entity(
        self,
        entityId: Any,
        operationName: str,
        operationInput: Any = None,
        *,
        at: datetime | timedelta | None = None,
    ) -> Task[None]:
        """Sent at this call, to be carried out at once, at a time or after a while; nobody answers.

        The task that it returns is complete. Raises LockingRulesViolation for an entity that the critical
        section holds, ValueError and TypeError for what cannot be sent.
        """
        due = None if at is None else instant_of(at, self._tasks.now, "at")
        action = signal_of(entityId, operationName, operationInput, due)
        _refuse(self._tasks.section.against_signal(action.entity))
        self._tasks.record(action)
        return ReadyTask(self._tasks)

    def lock(self, *entities: Any) -> LockTask:
        """A critical section: wait for all of ``entities``, and have them alone until their release.

        ``with (yield context.lock(a, b)):``, or ``async with context.lock(a, b):`` in an ``async def``
        orchestrator, releases them where the block ends; otherwise ``release()`` does, or the end of the
        orchestration, whatever that is. Meanwhile only locked entities can be called, one call of each at a time,
        only others can be signalled, and sub-orchestrators and further locks are refused: all with a
        LockingRulesViolation. So it is from when the lock is yielded: one that loses a ``task_any`` is still
        granted some time, and stays held, until ``release()`` gives it up.

        Raises ValueError when there are no entities or one that is none, LockingRulesViolation in another
        critical section.
        """
        _refuse(self._tasks.section.against_lock())
        return LockTask(self._tasks, self._tasks.section, entities)

    @property
    def is_locked(self) -> bool:
        """Whether this orchestration is in a critical section, all of whose locks are granted."""
        return bool(self._tasks.section.held)

    @property
    def locked_entities(self) -> tuple[EntityKey, ...]:
        """What the critical section holds, in the order of locking; empty outside of one."""
        return self._tasks.section.held

    def continue_as_new(self, input_: Any) -> None:
        """End this run at the next yield or return and start anew; the first call counts."""
        if self.continuing or self.sealed:
            return
        self.new_input = payloads.stored_input(input_)
        self.continuing = True
        self._tasks.seal()

    def set_custom_status(self, status: Any) -> None:
        """Shown with the instance until another is set; a falsy value shows none.

        Raises TypeError for what cannot be serialised and ValueError above 16 KB.
        """
        text = payloads.encode(status, "status") if status else None
        if text is not None and (size_kb := len(text.encode("utf-16-le")) // 1024) > _MAX_STATUS_KB:
            raise ValueError(
                "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. "
                f"The current payload size is {size_kb} KB."
            )
        if not self.sealed:
            self._status = status
            self.status_json = text
            self.status_set = True

    def new_uuid(self) -> str:
        return new_uuid(self._start.instance_id, self.current_utc_datetime, self._next_guid())

    def new_guid(self) -> UUID:
        return new_guid(self._start.instance_id, self.current_utc_datetime, self._next_guid())

    # --- private in the SDK, and read by many apps all the same ---------------------------------

    @property
    def _input(self) -> str | None:
        """The JSON text of the input."""
        return payloads.input_text(self._start.input)

    @property
    def _instance_id(self) -> str:
        return self.instance_id

    # --- internals -----------------------------------------------------------------------------

    def _next_guid(self) -> int:
        counter = self._guid_counter
        self._guid_counter += 1
        return counter

    def _activity_call(self, name: Any, input_: Any, expected_type: type | None) -> tuple[str, str, type | None]:
        if not isinstance(name, str) or not name:
            name, returned = resolve(name, "activity", self._functions)
            expected_type = expected_type or returned
        resolved = self._functions.activity(name) or name
        return resolved, payloads.activity_input(payloads.encode(input_)), expected_type

    def _activity(self, name: str, stored_input: str, expected_type: type | None) -> AtomicTask:
        return AtomicTask(self._tasks, CallActivity(-1, name, stored_input), expected_type)

    def _child_call(
        self, name: Any, input_: Any, instance_id: str | None, version: str | None, expected_type: type | None
    ) -> tuple[str, str, InstanceId, str | None, type | None]:
        _refuse(self._tasks.section.against_child())
        if instance_id:
            self._check_child_id(instance_id)
        if version is not None:
            version = checked_text(version, "version")
        if not isinstance(name, str) or not name:
            name, returned = resolve(name, "orchestrator", self._functions)
            expected_type = expected_type or returned
        known = self._functions.orchestrator(name)
        stored_input = payloads.stored_input(input_)
        return (
            name if known is None else known.name,
            stored_input,
            InstanceId(instance_id or ""),
            version,
            expected_type,
        )

    def _child(
        self, name: str, stored_input: str, instance_id: InstanceId, version: str | None, expected_type: type | None
    ) -> AtomicTask:
        action = CallSubOrchestrator(-1, name, instance_id, stored_input, version)
        return AtomicTask(self._tasks, action, expected_type)

    def _check_child_id(self, instance_id: str) -> None:
        if instance_id.startswith("@"):
            raise ValueError("Orchestration instance ids must not start with @.")
        # Slashes and their like are legal here, as on the reference host: apps name children after their parents.
        if illegal_in_ids(instance_id, marks=""):
            raise ValueError(
                f"Orchestration instance ids must be Unicode text without control characters: {instance_id!r}"
            )
        if instance_id in (self.instance_id, self.parent_instance_id):
            raise ValueError(
                "The instance ID of a sub-orchestration must be different than the instance ID of a parent "
                "orchestration."
            )


def _refuse(violation: LockingRulesViolation | None) -> None:
    if violation is not None:
        raise violation
