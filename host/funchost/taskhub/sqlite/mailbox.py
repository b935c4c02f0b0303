"""What a worker has in memory: messages that wait, sessions that are held, activities that are claimed.

It mirrors the rows that this worker owns, and changes only as transactions settle, in their order; so a
message is in it exactly once, wherever it came from. An instance that is idle and not held is not in it.
All methods are thread-safe.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from funchost.durable.entities.ids import is_entity
from funchost.durable.events import HistoryEvent
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import ActivityWork, Episode, Received, Revoked, Session, Snapshot
from funchost.taskhub.sqlite.codec import Token
from funchost.taskhub.sqlite.effects import Advanced, Delivery, Effects
from funchost.taskhub.sqlite.gather import Seeking
from funchost.taskhub.sqlite.ready import ReadyActivities
from funchost.taskhub.sqlite.routing import Arrival

__all__ = ["Handout", "Mailbox", "Resident"]


@dataclass(slots=True, eq=False)
class Resident:
    """An owned instance with messages or a held session.

    ``out`` are the messages of the episode that a worker has; ``held``: the worker has the past;
    ``fresh``: there is no past. ``not_before`` is monotonic seconds, 0 for at once.
    """

    token: Token
    id: InstanceId
    execution_id: ExecutionId
    inbox: deque[Arrival] = field(default_factory=deque[Arrival])
    out: dict[int, Arrival] = field(default_factory=dict[int, Arrival])
    held: bool = False
    fresh: bool = False
    queued: bool = False
    attempt: int = 1
    not_before: float = 0.0

    def episode(self, past: Sequence[HistoryEvent] | Snapshot | None, damage: str | None = None) -> Episode:
        session = Session(self.id, self.execution_id, self.token, past)
        messages = [Received(arrival.id, arrival.event) for arrival in self.out.values()]
        unreadable = next((arrival.damage for arrival in self.out.values() if arrival.damage), None)
        return Episode(session, messages, self.attempt, damage or unreadable)


@dataclass(slots=True)
class Handout:
    """Taken out of the mailbox. The past of ``cold`` ones has to be read first."""

    revoked: list[Revoked]
    warm: list[Episode]
    cold: list[Resident]
    activities: list[ActivityWork]

    def __bool__(self) -> bool:
        return bool(self.revoked or self.warm or self.cold or self.activities)


class Mailbox:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._residents: dict[int, Resident] = {}
        self._keys: dict[InstanceId, int] = {}
        self._ready = deque[Resident]()
        self._delayed: list[Resident] = []
        self._activities = ReadyActivities()
        self._revoked = deque[Revoked]()
        self._seen = 0
        self._reload = set[int]()

    # --- what transactions did

    def absorb(self, effects: Effects) -> None:
        """Follow what became durable."""
        with self._lock:
            for advanced in effects.advanced:
                self._advance(advanced)
            for token in effects.lost:
                self._lose(token)
            for key in effects.gone:
                self._revoke(key)
            if effects.gathered is not None:
                self._seen = effects.gathered.seen
                self._reload.clear()
            for key, delivery in effects.deliveries.items():
                # What is to be looked for in the database has older messages there, which come first.
                if key not in self._reload:
                    self._deliver(delivery)
            for work in effects.activities:
                self._activities.add(work)

    def seeking(self) -> Seeking:
        with self._lock:
            return Seeking(self._seen, tuple(self._reload))

    def doubt(self) -> None:
        with self._lock:
            self._seen = 0

    def ready(self) -> tuple[int, int]:
        """Episodes and activities that wait to be taken."""
        with self._lock:
            return len(self._ready), len(self._activities)

    def has_work(self) -> bool:
        with self._lock:
            return bool(self._ready or self._revoked or len(self._activities))

    # --- what the worker does

    def take(self, *, episodes: int, activities: int) -> Handout:
        with self._lock:
            handout = Handout(list(self._revoked), [], [], self._activities.take(activities))
            self._revoked.clear()
            while self._ready and len(handout.warm) + len(handout.cold) < episodes:
                resident = self._ready.popleft()
                resident.queued = False
                if not resident.inbox or resident.out:
                    continue
                resident.out = {arrival.id: arrival for arrival in resident.inbox}
                resident.inbox.clear()
                if resident.held or resident.fresh:
                    handout.warm.append(resident.episode(None if resident.held else _nothing_yet(resident.id)))
                else:
                    handout.cold.append(resident)
                resident.held, resident.fresh = True, False
            return handout

    def put_back(self, handout: Handout) -> None:
        """Nobody took it."""
        with self._lock:
            self._revoked.extendleft(reversed(handout.revoked))
            for work in handout.activities:
                self._activities.add(work)
            for episode in handout.warm:
                resident = self._resident_of(episode.session.token)
                if resident is not None:
                    resident.fresh = episode.session.past is not None
                    resident.held = not resident.fresh
                    self._return(resident)
            for resident in handout.cold:
                resident.held = False
                self._return(resident)

    def abandon(self, episode: Episode, not_before: float) -> None:
        """``not_before`` is monotonic. The next episode carries the past again."""
        with self._lock:
            resident = self._resident_of(episode.session.token)
            if resident is None:
                return
            resident.held, resident.not_before = False, not_before
            resident.attempt += 1
            self._return(resident)

    def release(self, instance: InstanceId) -> None:
        with self._lock:
            key = self._keys.get(instance)
            if key is not None:
                resident = self._residents[key]
                resident.held = False
                self._drop_if_idle(resident)

    def retry(self, token: Token, not_before: float) -> None:
        """A commit failed in a way that nobody expected: the instance is read again, but not at once."""
        with self._lock:
            resident = self._resident_of(token)
            if resident is not None:
                resident.held, resident.not_before = False, not_before
                self._return(resident)

    def wake_delayed(self, now: float) -> float | None:
        """Queue what has waited long enough; gives the monotonic time of the next, if any."""
        with self._lock:
            waiting, self._delayed = self._delayed, []
            for resident in waiting:
                if resident.not_before <= now:
                    resident.not_before = 0.0
                self._queue(resident)
            return min((resident.not_before for resident in self._delayed), default=None)

    # --- with the lock held

    def _advance(self, advanced: Advanced) -> None:
        write, token = advanced.write, advanced.token
        if write.ends or write.restart is not None:
            self._activities.drop(write.token.execution)
        resident = self._residents.get(token.instance)
        if resident is None or resident.token.execution != write.token.execution:
            return
        for message in write.consumed:
            resident.out.pop(message, None)
        resident.token, resident.execution_id = token, advanced.execution_id
        resident.fresh, resident.attempt, resident.not_before = False, 1, 0.0
        if write.ends:
            self._forget(resident)
            return
        if write.restart is not None:
            old = write.token.execution
            resident.inbox = deque(arrival for arrival in resident.inbox if arrival.execution != old)
        self._queue(resident)
        self._drop_if_idle(resident)

    def _lose(self, token: Token) -> None:
        resident = self._resident_of(token)
        if resident is not None:
            self._forget(resident)
            # Its messages are still there, if it still is: the next look at the database finds them.
            self._reload.add(token.instance)

    def _revoke(self, key: int) -> None:
        resident = self._residents.get(key)
        if resident is None:
            return
        self._activities.drop(resident.token.execution)
        self._forget(resident)
        if resident.held or resident.out:
            self._revoked.append(Revoked(resident.id))

    def _deliver(self, delivery: Delivery) -> None:
        target = delivery.target
        resident = self._residents.get(target.key)
        if resident is not None and (resident.token[1], resident.token[3]) != (target.execution, target.fence):
            self._revoke(target.key)
            resident = None
        if resident is None:
            resident = Resident(target.token, target.id, target.execution_id, fresh=delivery.fresh)
            self._residents[target.key] = resident
            self._keys[target.id] = target.key
        known = {arrival.id for arrival in resident.inbox} if resident.inbox else set[int]()
        # A look at the database in the same transaction may bring what was written before the rest.
        for arrival in sorted(delivery.arrivals, key=_by_id):
            if arrival.id not in resident.out and arrival.id not in known:
                resident.inbox.append(arrival)
                known.add(arrival.id)
        self._queue(resident)

    def _queue(self, resident: Resident) -> None:
        if resident.queued or resident.out or not resident.inbox:
            return
        if resident.not_before:
            if resident not in self._delayed:
                self._delayed.append(resident)
            return
        resident.queued = True
        self._ready.append(resident)

    def _return(self, resident: Resident) -> None:
        resident.inbox.extendleft(reversed(resident.out.values()))
        resident.out = {}
        self._queue(resident)
        self._drop_if_idle(resident)

    def _drop_if_idle(self, resident: Resident) -> None:
        if not (resident.held or resident.out or resident.inbox):
            self._forget(resident)

    def _forget(self, resident: Resident) -> None:
        self._residents.pop(resident.token.instance, None)
        # Purged and started again by another process, one id may have two rows here for a while.
        if self._keys.get(resident.id) == resident.token.instance:
            del self._keys[resident.id]
        resident.inbox = deque()
        if resident in self._delayed:
            self._delayed.remove(resident)

    def _resident_of(self, token: object) -> Resident | None:
        assert isinstance(token, Token)
        resident = self._residents.get(token.instance)
        if resident is None or resident.token.execution != token.execution:
            return None
        return resident


_by_id = attrgetter("id")


def _nothing_yet(instance: InstanceId) -> Sequence[HistoryEvent] | Snapshot:
    return Snapshot(None) if is_entity(instance) else ()
