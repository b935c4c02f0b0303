"""An entity of a few lines: it carries out one request after the other, in the order in which they come.

Its function takes (state, operation, argument) and gives the next state and the result. While it is locked only the
holder's requests are carried out. It writes down who held it and what was released.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace as changed

from funchost.durable import payloads
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import (
    LOCK_ACQUIRED,
    OPERATION,
    RELEASE,
    Request,
    failed,
    read_release,
    read_request,
    succeeded,
)
from funchost.durable.events import EventRaised
from funchost.instant import Instant
from funchost.taskhub import Send

__all__ = ["EntityFunction", "SimpleEntity"]

EntityFunction = Callable[[Any, str, Any], tuple[Any, Any]]


class SimpleEntity:
    def __init__(self, key: EntityKey, function: EntityFunction) -> None:
        self.state: Any = None
        self.locked_by: Request | None = None
        self.operations: list[str] = []
        self.requested: set[str] = set()
        self.released: Counter[str] = Counter()
        self._key = key
        self._function = function
        self._queue: list[Request] = []
        self._withdrawn: set[str] = set()

    def take(self, event: EventRaised, now: Instant) -> list[Send]:
        """What it sends when ``event`` has come."""
        if event.name == RELEASE:
            self._release(read_release(event.input).id)
        else:
            request = read_request(event.input)
            self._queue.append(request)
            self.requested.update([request.id] if request.is_lock else [])
        sends: list[Send] = []
        while (request := self._next()) is not None:
            self._queue.remove(request)
            sends += self._lock(request, now) if request.is_lock else self._operate(request, now)
        return sends

    def _next(self) -> Request | None:
        holder = self.locked_by
        return next((r for r in self._queue if holder is None or r.parent == holder.parent), None)

    def _release(self, lock: str) -> None:
        self.released[lock] += 1
        if self.locked_by is not None and self.locked_by.id == lock:
            self.locked_by = None
        else:
            self._withdrawn.add(lock)
            self._queue = [request for request in self._queue if request.id != lock]

    def _lock(self, request: Request, now: Instant) -> list[Send]:
        if request.id in self._withdrawn:
            return []
        assert self.locked_by is None, f"{self._key} is locked twice"
        self.locked_by = request
        assert request.lockset is not None
        following = request.pos + 1
        if following == len(request.lockset):
            return [_answer(request, succeeded(LOCK_ACQUIRED), now)]
        event = EventRaised(timestamp=now, name=OPERATION, input=changed(request, pos=following).to_json())
        return [Send(request.lockset[following].entity.instance_id, event)]

    def _operate(self, request: Request, now: Instant) -> list[Send]:
        assert request.op is not None
        self.operations.append(request.op)
        try:
            self.state, result = self._function(self.state, request.op, payloads.decode_input(request.input))
        except ValueError as error:
            response = failed(str(error))
        else:
            response = succeeded(payloads.encode(result))
        return [_answer(request, response, now)] if request.wants_answer else []


def _answer(request: Request, response: str, now: Instant) -> Send:
    assert request.parent is not None
    event = EventRaised(timestamp=now, name=request.id, input=response)
    return Send(request.parent, event, execution=request.parent_execution)
