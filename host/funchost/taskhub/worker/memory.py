"""The instances that a worker holds in memory, and which of them go first when there are too many."""

import threading

from funchost.ids import InstanceId
from funchost.taskhub import Episode, Snapshot
from funchost.taskhub.worker.live import LiveInstance

__all__ = ["LiveInstances"]

_INSTANCE_SIZE = 10
"""What an instance itself weighs, counted in events."""


class LiveInstances:
    """Live instances by their id; ``max_events`` bounds the histories of all of them together.

    Every step passes here on many threads, and a lock for all of them would be a queue before the
    interpreter's own. So each instance has its lock, and the one here only guards which instances there are.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._lock = threading.Lock()
        self._live: dict[InstanceId, LiveInstance] = {}

    def get(self, instance: InstanceId) -> LiveInstance | None:
        return self._live.get(instance)

    def all(self) -> list[LiveInstance]:
        with self._lock:
            return list(self._live.values())

    def receiving(self, episode: Episode) -> LiveInstance | None:
        """Who gets the messages of ``episode``: who is here, or a new one with the past that came along.

        None: they need the past, which went out of memory while they were on their way.
        """
        session = episode.session
        with self._lock:
            live = self._live.get(session.instance)
            if live is not None and live.execution == session.execution:
                return live
            if session.past is not None:
                assert not isinstance(session.past, Snapshot), "entities are driven elsewhere"
                live = LiveInstance(session.instance, session.execution, session.token, list(session.past))
                live.attempts = episode.attempt - 1
                self._live[session.instance] = live
                return live
            # A busy one has continued as new, and the word of that is on its way.
            return live if live is not None and live.busy else None

    def drop(self, live: LiveInstance) -> None:
        """It is over, or somebody else's; one that came in its place stays."""
        with self._lock:
            if self._live.get(live.instance) is live:
                del self._live[live.instance]

    def pop(self, instance: InstanceId) -> LiveInstance | None:
        with self._lock:
            return self._live.pop(instance, None)

    def pop_beyond_the_bound(self) -> list[LiveInstance]:
        """Take out the longest idle ones, down to three quarters of the bound, once they are too many."""
        with self._lock:
            size = sum(_size(live) for live in self._live.values())
            if size <= self._max_events:
                return []
            idle = sorted((live for live in self._live.values() if not live.busy), key=lambda live: live.used_at)
            gone: list[LiveInstance] = []
            for live in idle:
                if size <= self._max_events * 3 // 4:
                    break
                with live.lock:
                    live.over = not live.busy
                if live.over:
                    size -= _size(live)
                    del self._live[live.instance]
                    gone.append(live)
            return gone


def _size(live: LiveInstance) -> int:
    return len(live.past) + _INSTANCE_SIZE
