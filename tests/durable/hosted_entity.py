"""An entity in the world of the tests: the real one, that takes one message after the other.

It writes down which locks were asked of it and how often each was given back.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from durable.entities.playing import advance_entity
from funchost.durable.entities.batch import EntityEngine
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import RELEASE, read_release, read_request
from funchost.durable.entities.state import EntityState
from funchost.durable.events import EventRaised
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant
from funchost.taskhub import Send
from funchost.taskhub.entity_outcomes import outcome_of_step

__all__ = ["EntityFunction", "HostedEntity"]

EntityFunction = Callable[[Any], Any]


class HostedEntity:
    def __init__(self, key: EntityKey, engine: EntityEngine) -> None:
        self.operations: list[str] = []
        """The names of those that were run, in their order."""
        self.locks_asked: set[str] = set()
        self.locks_released: Counter[str] = Counter()
        self._key = key
        self._engine = engine
        self._state = EntityState()

    @property
    def state(self) -> str | None:
        """As JSON text."""
        return self._state.state

    @property
    def locked_by(self) -> InstanceId | None:
        return self._state.locked_by

    def take(self, event: EventRaised, now: Instant) -> Sequence[Send]:
        """What it sends when ``event`` has come."""
        if event.name == RELEASE:
            self.locks_released[read_release(event.input).id] += 1
        elif event.name.startswith("op"):
            request = read_request(event.input)
            self.locks_asked.update([request.id] if request.is_lock else [])
        step = advance_entity(self._key, self._state, [event], now, self._engine)
        assert not step.dropped
        self._state = step.state
        self.operations += [operation.request.op or "" for operation in step.operations]
        return outcome_of_step(
            step, self._key, ExecutionId("e"), now, default_version="", new_execution_id=lambda: ExecutionId("s")
        ).sends
