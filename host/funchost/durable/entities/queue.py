"""The requests that wait at an entity, and the lock that decides whose turn it is.

While an orchestration holds the entity its requests go before all others, and the others wait. That includes those
that it had sent before the lock was granted: it may be waiting for one of them inside of its critical section.

A lock is given back under the id of its request. One that is given back before it came is *spent*: it was withdrawn
by an orchestration that has ended, and must neither lock nor be passed on when it comes. Where messages may come
twice, one that was in force is spent as well. A further lock request of the holder is granted at once, and both are
then in force until each has been given back: they come from two runs of one instance, whose messages may cross.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from funchost.durable.entities.messages import ORPHANED_LOCK, Release, Request
from funchost.durable.entities.state import EntityState, SpentLock
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat, parse

__all__ = ["RequestQueue"]

_REMEMBERED = 24 * 3600 * TICKS_PER_SECOND
_MOST_REMEMBERED = 64


class RequestQueue:
    """The queue of one entity for the time of a step; ``state`` stays as it is.

    ``repeats`` is how long the hub may deliver a message again, in ticks; 0 when it never does.
    """

    def __init__(self, state: EntityState, now: Instant, *, repeats: int) -> None:
        self.locked_by = state.locked_by
        self.lock_ids = state.lock_ids
        self._now = now
        self._repeats = repeats
        self._spent = {spent.id: spent for spent in state.spent_locks if parse(spent.until) > now}
        self._of_holder: deque[Request] = deque()
        self._waiting = deque(state.queue)
        if self.locked_by is not None and state.queue:
            self._put_holder_first()

    @property
    def requests(self) -> tuple[Request, ...]:
        return (*self._of_holder, *self._waiting)

    @property
    def spent_locks(self) -> tuple[SpentLock, ...]:
        """The newest of them, so that an entity that is locked often does not grow."""
        return tuple(self._spent.values())[-_MOST_REMEMBERED:]

    @property
    def has_work(self) -> bool:
        return bool(self._running)

    def put(self, request: Request) -> None:
        """Queue a request; a lock request that is spent is gone."""
        if request.is_lock and request.id in self._spent:
            return
        if self.locked_by is not None and request.parent == self.locked_by:
            self._of_holder.append(request)
        else:
            self._waiting.append(request)

    def take(self, most: int) -> tuple[list[Request], Request | None]:
        """The next operations, at most that many, and the lock request that follows them, if one does."""
        operations: list[Request] = []
        queue = self._running
        while queue:
            if queue[0].is_lock:
                return operations, queue.popleft()
            if len(operations) == most:
                break
            operations.append(queue.popleft())
        return operations, None

    def put_back(self, requests: Sequence[Request]) -> None:
        """Requests that were taken and not done, in their order: they are the next again."""
        self._running.extendleft(reversed(requests))

    def lock(self, request: Request) -> None:
        """Grant a lock request that was taken."""
        if request.id not in self.lock_ids:
            self.lock_ids = (*self.lock_ids, request.id)
        if self.locked_by is None:
            self.locked_by = request.parent
            self._put_holder_first()

    def release(self, release: Release) -> None:
        was_here = self._withdraw(release.id)
        if self._is_in_force(release):
            was_here = True
            self.lock_ids = tuple(lock_id for lock_id in self.lock_ids if lock_id != release.id)
            if not self.lock_ids or release.id == ORPHANED_LOCK:
                self._unlock()
        spent_for = self._repeats if was_here else _REMEMBERED
        if spent_for and release.id != ORPHANED_LOCK:
            self._spent.pop(release.id, None)
            self._spent[release.id] = SpentLock(release.id, isoformat(Instant(self._now + spent_for)))

    @property
    def _running(self) -> deque[Request]:
        return self._waiting if self.locked_by is None else self._of_holder

    def _is_in_force(self, release: Release) -> bool:
        """Another engine does not note by which request an entity is locked: there, the holder is enough."""
        held = self.locked_by is not None and self.locked_by == release.parent
        return held and (not self.lock_ids or release.id in (*self.lock_ids, ORPHANED_LOCK))

    def _unlock(self) -> None:
        self.locked_by, self.lock_ids = None, ()
        self._waiting.extendleft(reversed(self._of_holder))
        self._of_holder.clear()

    def _withdraw(self, lock_id: str) -> bool:
        """Take a lock request out of the queue, as often as it came; whether it was there."""
        is_queued = any(request.is_lock and request.id == lock_id for request in self.requests)
        if is_queued:
            self._of_holder = deque(_without_lock(lock_id, self._of_holder))
            self._waiting = deque(_without_lock(lock_id, self._waiting))
        return is_queued

    def _put_holder_first(self) -> None:
        everything = self.requests
        self._of_holder = deque(request for request in everything if request.parent == self.locked_by)
        self._waiting = deque(request for request in everything if request.parent != self.locked_by)


def _without_lock(lock_id: str, requests: Iterable[Request]) -> Iterable[Request]:
    return (request for request in requests if not (request.is_lock and request.id == lock_id))
