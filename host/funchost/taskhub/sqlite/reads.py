"""Reading: on connections and threads of its own, never on an event loop and never in a commit's way."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any, TypeVar

import msgspec

from funchost.durable.entities.ids import is_entity
from funchost.durable.events import HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.errors import Unreadable
from funchost.ids import InstanceId
from funchost.taskhub import Instance, Snapshot
from funchost.taskhub.sqlite.codec import Token, read_events
from funchost.threads import ThreadPool

__all__ = ["Past", "Readers", "columns", "history_of", "instance_of", "read_history", "read_instance", "read_pasts"]

T = TypeVar("T")

_THREADS = 2
_CLOSE_S = 5.0

_VIEW = """
    i.id, e.id, i.name, i.status, i.created, i.updated, i.version, i.custom_status, i.tags, i.parent,
    i.scheduled_start
"""
_PAYLOADS = "e.input, e.output"
_NO_PAYLOADS = "NULL, NULL"

_HISTORY = "SELECT events FROM history WHERE execution = ? AND episode < ? ORDER BY episode"
_INPUT = "SELECT input FROM execution WHERE key = ?"
_LATEST = "SELECT execution FROM instance WHERE id = ?"
_EVERY_EPISODE = 2**62


@dataclass(slots=True, frozen=True)
class Past:
    """What is committed: the snapshot of an entity, or a history. Of a damaged history what comes before the first
    event that cannot be read, and why it cannot."""

    what: Sequence[HistoryEvent] | Snapshot
    damage: str | None = None


class Readers:
    """A small pool: a connection for each thread, opened when it is first used."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._local = threading.local()
        self._mutex = threading.Lock()
        self._connections: list[Connection] = []
        self._pool = ThreadPool(_THREADS, name="hub-reader")

    async def run(self, query: Callable[[Connection], T]) -> T:
        return await self._pool.run(lambda: query(self._connection()))

    def close(self) -> None:
        self._pool.close(_CLOSE_S)
        for connection in self._connections:
            connection.close()

    def _connection(self) -> Connection:
        """The one of this thread."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            with self._mutex:
                self._connections.append(connection)
        return connection


def columns(*, payloads: bool) -> str:
    """What :func:`instance_of` takes, of ``instance AS i`` and ``execution AS e``."""
    return f"{_VIEW}, {_PAYLOADS if payloads else _NO_PAYLOADS}"


def instance_of(row: Any) -> Instance:
    return Instance(
        id=row[0],
        execution=row[1],
        name=row[2],
        status=RuntimeStatus(row[3]),
        created=row[4],
        updated=row[5],
        version=row[6],
        custom_status=row[7],
        tags=None if row[8] is None else msgspec.json.decode(row[8], type=dict[str, str]),
        parent=row[9],
        scheduled_start=row[10],
        input=row[11],
        output=row[12],
    )


def read_instance(connection: Connection, instance: InstanceId, *, payloads: bool) -> Instance | None:
    sql = f"""
        SELECT {columns(payloads=payloads)}
        FROM instance AS i JOIN execution AS e ON e.key = i.execution WHERE i.id = ?
    """
    row = connection.execute(sql, (instance,)).fetchone()
    return None if row is None else instance_of(row)


def read_history(connection: Connection, instance: InstanceId) -> list[HistoryEvent]:
    """Of the latest execution; empty when there is none. Raises Unreadable."""
    # One snapshot: the execution found must be the one that is read.
    connection.execute("BEGIN")
    try:
        row = connection.execute(_LATEST, (instance,)).fetchone()
        if row is None:
            return []
        return history_of(connection, row[0])
    finally:
        connection.execute("COMMIT")


def history_of(connection: Connection, execution: int) -> list[HistoryEvent]:
    """Raises Unreadable."""
    return [event for events in _episodes(connection, execution, _EVERY_EPISODE) for event in events]


def read_pasts(connection: Connection, wanted: Sequence[tuple[InstanceId, Token]]) -> list[Past]:
    """What each token stands for; one that is damaged does not hold up the others."""
    return [
        _snapshot(connection, token) if is_entity(instance) else _history(connection, token)
        for instance, token in wanted
    ]


def _snapshot(connection: Connection, token: Token) -> Past:
    row = connection.execute(_INPUT, (token.execution,)).fetchone()
    return Past(Snapshot(None if row is None else row[0]))


def _history(connection: Connection, token: Token) -> Past:
    events = list[HistoryEvent]()
    try:
        for episode in _episodes(connection, token.execution, token.seq):
            events += episode
    except Unreadable as exc:
        return Past(events, str(exc))
    return Past(events)


def _episodes(connection: Connection, execution: int, before: int) -> Iterator[list[HistoryEvent]]:
    for (blob,) in connection.execute(_HISTORY, (execution, before)).fetchall():
        yield read_events(blob)
