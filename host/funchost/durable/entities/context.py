"""What an entity function gets as its one argument.

Names, parameters and errors are the SDK's, and so is the base class, for ``isinstance`` in user code. What the SDK
leaves out stands below it: an entity may signal others and start orchestrations. One context serves a whole batch of
operations; what they send goes out with the state, or not at all.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from json import JSONDecodeError
from typing import Any
from uuid import UUID

from funchost.durable import payloads, sdk, texts
from funchost.durable.entities.ids import EntityKey, entity_key
from funchost.durable.entities.messages import Request, signal_request
from funchost.durable.entities.outbox import Start
from funchost.durable.functions import DurableFunctions
from funchost.durable.labels import checked_tags, checked_text
from funchost.durable.moments import instant_of
from funchost.durable.references import name_of
from funchost.ids import InstanceId, instance_id_of
from funchost.instant import Instant, to_datetime

__all__ = ["EntityContext", "Signal"]

Signal = tuple[EntityKey, Request]
"""A request to another entity, not labelled yet."""


class EntityContext(sdk.DurableEntityContext):
    """The entity during one operation after the other.

    ``exists`` and ``state`` (JSON text, None for none) are those before the batch. :meth:`begin` opens each
    operation, :meth:`seal` ends the last.
    """

    def __init__(
        self,
        entity: EntityKey,
        *,
        exists: bool,
        state: str | None,
        now: Instant,
        functions: DurableFunctions,
        new_guid: Callable[[], UUID],
    ) -> None:
        # The SDK's constructor makes fields that its methods use, all of which are replaced here.
        self._entity = entity
        self._now = now
        self._functions = functions
        self._new_guid = new_guid
        self._operation: str | None = None
        self._input: str | None = None
        self._stored_state = state
        self._state: Any = None
        self._sealed = False
        self.exists = exists
        self.result: Any = None
        self.signals: list[Signal] = []
        self.starts: list[Start] = []

    # --- what user code sees ---------------------------------------------------------------------

    @property
    def entity_name(self) -> str:
        """In lower case."""
        return self._entity.name

    @property
    def entity_key(self) -> str:
        return self._entity.key

    @property
    def operation_name(self) -> str:
        if self._operation is None:
            raise Exception("Entity operation is unassigned")
        return self._operation

    @property
    def is_newly_constructed(self) -> bool:
        """Always False, as in the SDK; ``get_state`` with an initializer serves new entities."""
        return False

    @property
    def current_utc_datetime(self) -> datetime:
        """Aware UTC: when the batch began that this operation is part of."""
        return to_datetime(self._now)

    def get_input(self, expected_type: type | None = None) -> Any:
        """The decoded input of the operation, a fresh object at each call; None when there is none."""
        return payloads.decode_input(self._input, expected_type)

    def get_state(self, initializer: Callable[[], Any] | None = None, expected_type: type | None = None) -> Any:
        """The state, else what ``initializer`` makes of it, which is not stored before it is set.

        The first call of a batch decodes what is stored, so ``expected_type`` counts there alone. What is returned
        is the entity's own object: changes in place are kept. Raises ValueError when what is stored is no JSON, and
        what the codec or the author's ``from_json`` raises.
        """
        if self._stored_state is not None:
            self._state = self._decoded(self._stored_state, expected_type)
            self._stored_state = None
        if self._state is not None or not initializer:
            return self._state
        if not callable(initializer):
            raise TypeError("initializer argument needs to be a callable function")
        return initializer()

    def set_state(self, state: Any) -> None:
        """The entity exists from now on. ``state`` is serialised at the end of the batch."""
        self.exists = True
        self._state = state
        self._stored_state = None

    def set_result(self, result: Any) -> None:
        """What the caller of this operation gets. The entity exists from now on, as in the SDK."""
        self.exists = True
        self.result = result

    def destruct_on_exit(self) -> None:
        """Delete the entity, unless a state or result is set after this."""
        self.exists = False
        self._state = None
        self._stored_state = None

    def signal_entity(
        self,
        entity_id: Any,
        operation_name: str,
        operation_input: Any = None,
        *,
        at: datetime | timedelta | None = None,
    ) -> None:
        """Ask another entity, or this one, for an operation, without waiting for it.

        ``entity_id`` is an ``EntityId``. ``at`` is when, or how long from now; a naive time is UTC. Signals to one
        entity arrive in their order, those with a time apart. Raises ValueError for an entity that the app does not
        have and for an operation that is not named by text, and TypeError for an input that cannot be serialised.
        """
        self._check_open()
        key = entity_key(entity_id)
        if self._functions.entity(key.name) is None:
            raise ValueError(texts.unknown_function(key.name, "entity", self._functions.entity_names))
        request = signal_request(
            operation_name,
            payloads.stored_input(operation_input),
            request_id=str(self._new_guid()),
            parent=self._entity.instance_id,
            due=None if at is None else instant_of(at, self._now, "at"),
        )
        self.signals.append((key, request))

    def start_new(
        self,
        name: Any,
        client_input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Start an orchestration, without waiting for it; its instance id.

        ``name`` is its name or its decorated function. ``start_at`` is when, or how long from now; a naive time is
        UTC. Nothing happens when there is an instance of that id already, but for a line in the log. Raises
        ValueError for an orchestrator that the app does not have and for an id, a version or tags that are none, and
        TypeError for an input that cannot be serialised.
        """
        self._check_open()
        orchestrator = self._functions.orchestrator(asked := name_of(name, "orchestrator", self._functions))
        if orchestrator is None:
            raise ValueError(texts.unknown_function(asked, "orchestrator", self._functions.orchestrator_names))
        start = Start(
            orchestrator.name,
            instance_id_of(instance_id) if instance_id else InstanceId(self._new_guid().hex),
            None if client_input is None else payloads.stored_input(client_input),
            None if version is None else checked_text(version, "version"),
            checked_tags(tags) or None,
            None if start_at is None else instant_of(start_at, self._now, "start_at"),
        )
        self.starts.append(start)
        return start.instance_id

    # --- what the runner of the batch does -------------------------------------------------------

    def begin(self, request: Request) -> None:
        """A result is that of one operation; the state goes on."""
        self._operation = request.op
        self._input = request.input
        self.result = None

    def seal(self) -> None:
        """The batch is over: code that still runs can send nothing any more."""
        self._sealed = True

    def state_json(self) -> str | None:
        """The state to be stored; as it was, if nobody has looked at it. Raises what the codec raises."""
        if not self.exists:
            return None
        return self._stored_state if self._stored_state is not None else payloads.encode(self._state)

    def _decoded(self, stored: str, expected_type: type | None) -> Any:
        try:
            return payloads.decode(stored, expected_type)
        except JSONDecodeError as exc:
            raise ValueError(f"the stored state of entity {self._entity} cannot be decoded: {exc}") from exc

    def _check_open(self) -> None:
        if self._sealed:
            raise RuntimeError("the entity's operations are over: nothing can be sent on their behalf any more")
