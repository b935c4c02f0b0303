"""What arriving events do to an entity: requests are queued, in the order of their senders, and locks given back.

Nothing here raises over what has arrived. An event that cannot be understood is dropped and told of in ``dropped``,
and the others are handled. A lock request that cannot be granted is refused to the orchestration that waits for it.
"""

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import (
    CONTINUE,
    OPERATION,
    RELEASE,
    EntityMessageError,
    Request,
    read_release,
    read_request,
)
from funchost.durable.entities.outbox import Message, lock_refused, request_to
from funchost.durable.entities.queue import RequestQueue
from funchost.durable.entities.sorter import Sorter, copy_of, drained, in_order
from funchost.durable.entities.state import EntityState
from funchost.durable.events import EventRaised, HistoryEvent, SubOrchestrationInstanceFailed
from funchost.instant import TICKS_PER_SECOND, Instant

__all__ = ["Inbox", "is_request"]

_EARLY = TICKS_PER_SECOND // 10
"""A request that is due later than this is not due yet."""


def is_request(event_name: str) -> bool:
    return event_name == OPERATION or event_name.startswith(f"{OPERATION}@")


class Inbox:
    """The arriving side of one step of ``entity``. ``window`` is that of the sorter, in ticks; ``messages`` is what
    has to go out over what came in."""

    def __init__(self, entity: EntityKey, state: EntityState, now: Instant, *, window: int) -> None:
        self.queue = RequestQueue(state, now, repeats=window)
        self.sorter = Sorter()
        self.messages: list[Message] = []
        self.dropped: list[str] = []
        self._entity = entity
        self._now = now
        self._window = window
        if window:
            self.sorter = copy_of(state.sorter)
        else:
            # Stored by a host whose hub needs the sorter: what waits in it has been received, and is due.
            for request in drained(copy_of(state.sorter)):
                self.queue.put(request)

    def receive(self, event: HistoryEvent) -> None:
        try:
            self._receive(event)
        except EntityMessageError as exc:
            self.dropped.append(str(exc))

    def _receive(self, event: HistoryEvent) -> None:
        if isinstance(event, SubOrchestrationInstanceFailed):
            self.dropped.append(f"an orchestration could not be started: {event.reason}")
        elif not isinstance(event, EventRaised):
            self.dropped.append(f"entities take no events of the kind {type(event).__name__}")
        elif is_request(event.name):
            self._request(read_request(event.input))
        elif event.name == RELEASE:
            self.queue.release(read_release(event.input))
        elif event.name != CONTINUE:
            self.dropped.append(f"entities take no events of the name {event.name!r}")

    def _request(self, request: Request) -> None:
        due = request.due_at
        if due is not None and due > self._now + _EARLY:
            self.messages.append(request_to(self._entity, request))
        elif due is not None:
            # A scheduled request has no place in the order of its sender.
            self._deliver(request)
        else:
            for ready in in_order(self.sorter, request, window=self._window):
                self._deliver(ready)

    def _deliver(self, request: Request) -> None:
        problem = _problem_with_lock(request, self._entity) if request.is_lock else None
        if problem is None:
            self.queue.put(request)
        else:
            self.dropped.append(problem)
            self.messages += lock_refused(request, problem)


def _problem_with_lock(request: Request, entity: EntityKey) -> str | None:
    lockset = request.lockset or ()
    if request.parent is None:
        return "a lock request names nobody who would hold the lock"
    if not (0 <= request.pos < len(lockset) and lockset[request.pos].entity == entity):
        return f"a lock request of {request.parent} does not name {entity} at its place {request.pos}"
    return None
