"""Runs of instances as rows: adding one, ending what belongs to one, and sweeping up what one left behind.

Continue-as-new, replacement and purge only mark an execution; its history goes later, a few rows at a
time, so that no single transaction pays for a long life.
"""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection

import msgspec

from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant
from funchost.taskhub.sqlite.rows import Rows, array, run_values
from funchost.taskhub.sqlite.schema import KEPT, TASK_BITS
from funchost.taskhub.sqlite.writes import PurgeWrite

__all__ = [
    "add_executions",
    "end_activities",
    "end_messages",
    "keep_answers",
    "leave_behind",
    "purge",
    "purge_ended",
    "sweep",
    "untag",
]

SWEPT_AT_ONCE = 500
"""Rows of history: some milliseconds of work, so that commits hardly wait for it."""

FREED_AT_ONCE = 32
"""Pages given back to the disk, for the same reason; each is a statement."""

KEPT_FREE = 1024
"""Pages (4 MB) that stay in the file: instances to come would ask the disk for them again."""

_NEW_EXECUTION = """
    INSERT INTO execution (key, id, instance, input)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, CAST(substr(?2, r.value ->> 3, r.value ->> 4) AS TEXT)
    FROM json_each(?1) AS r
"""
_END_ACTIVITIES = f"""
    DELETE FROM activity WHERE key IN (
        SELECT a.key FROM json_each(?1) AS r
        CROSS JOIN activity AS a ON a.key BETWEEN r.value << {TASK_BITS} AND ((r.value + 1) << {TASK_BITS}) - 1
    )
"""
_END_MESSAGES = "DELETE FROM message WHERE instance IN (SELECT value FROM json_each(?1))"
_END_OTHER_MESSAGES = f"{_END_MESSAGES} AND (execution IS NULL OR timer IS NOT NULL)"
_KEEP_MESSAGES = "UPDATE message SET due = ?2 WHERE instance IN (SELECT value FROM json_each(?1))"
_LEAVE_BEHIND = "UPDATE execution SET instance = NULL WHERE key IN (SELECT value FROM json_each(?1))"
_PURGED = """
    SELECT json_group_array(json_array(t.key, i.key, i.execution))
    FROM json_each(?1) AS t
    CROSS JOIN instance AS i ON i.id = t.value ->> 0
    CROSS JOIN execution AS e ON e.key = i.execution
    WHERE (t.value ->> 1 IS NULL OR e.id = t.value ->> 1)
    AND (t.value ->> 2 IS NULL OR i.status IN (SELECT s.value FROM json_each(t.value ->> 2) AS s))
    AND (t.value ->> 3 IS NULL OR i.updated <= t.value ->> 3 AND NOT EXISTS (
        SELECT 1 FROM message AS m WHERE m.instance = i.key
    ))
"""
_ENDED = """
    SELECT key, execution FROM instance INDEXED BY instance_ended
    WHERE status = ? AND status IN ('Completed', 'Failed', 'Terminated', 'Canceled') AND updated < ?
    ORDER BY updated LIMIT ?
"""
_FORGET = "DELETE FROM instance WHERE key IN (SELECT value FROM json_each(?1))"
_UNTAG = "DELETE FROM tag WHERE instance IN (SELECT value FROM json_each(?1))"
_SWEEP_HISTORY = """
    DELETE FROM history WHERE position IN (
        SELECT h.position FROM execution AS e CROSS JOIN history AS h ON h.execution = e.key
        WHERE e.instance IS NULL LIMIT ?
    )
"""
_SWEEP_EXECUTIONS = """
    DELETE FROM execution WHERE instance IS NULL
    AND NOT EXISTS (SELECT 1 FROM history AS h WHERE h.execution = execution.key)
"""


def add_executions(connection: Connection, rows: Rows) -> None:
    """Rows of: key, id, instance; payload: input."""
    rows.run(connection, _NEW_EXECUTION)


def end_activities(connection: Connection, executions: Sequence[int]) -> None:
    """Those that run go too: with the row their answer is refused."""
    run_values(connection, _END_ACTIVITIES, executions)


def end_messages(connection: Connection, instances: Sequence[int]) -> None:
    run_values(connection, _END_MESSAGES, instances)


def leave_behind(connection: Connection, executions: Sequence[int]) -> None:
    """End these executions: their activities go now, their histories with a later sweep."""
    end_activities(connection, executions)
    run_values(connection, _LEAVE_BEHIND, executions)


def keep_answers(connection: Connection, instances: Sequence[int]) -> None:
    """End all messages for these but the answers to what they asked for, which wait for a rewind."""
    run_values(connection, _END_OTHER_MESSAGES, instances)
    run_values(connection, _KEEP_MESSAGES, instances, KEPT)


def purge(connection: Connection, purges: Sequence[PurgeWrite]) -> dict[int, int]:
    """Remove the instances that fit; gives their keys by the place in ``purges``, for each the first of its purges."""
    wanted = [
        (each.instance, each.execution, None if each.statuses is None else [*each.statuses], each.idle_since)
        for each in purges
    ]
    rows = msgspec.json.decode(connection.execute(_PURGED, (array(wanted),)).fetchone()[0])
    places = dict[int, int]()
    for place, key, _ in sorted(rows):
        if key not in places.values():
            places[place] = key
    _remove(connection, list(places.values()), sorted({execution for _, _, execution in rows}))
    return places


def purge_ended(connection: Connection, before: Mapping[RuntimeStatus, Instant], most: int) -> list[int]:
    """Remove up to ``most`` instances that ended like that before then, the oldest first; gives their keys."""
    found = list[tuple[int, int]]()
    for status, moment in before.items():
        found += connection.execute(_ENDED, (status.value, moment, most - len(found))).fetchall()
    keys = [key for key, _ in found]
    _remove(connection, keys, [execution for _, execution in found])
    return keys


def _remove(connection: Connection, instances: Sequence[int], executions: Sequence[int]) -> None:
    leave_behind(connection, executions)
    end_messages(connection, instances)
    untag(connection, instances)
    run_values(connection, _FORGET, instances)


def untag(connection: Connection, instances: Sequence[int]) -> None:
    run_values(connection, _UNTAG, instances)


def sweep(connection: Connection) -> bool:
    """Remove a little of what was left behind, then shrink the file a little; True while there is more."""
    swept = connection.execute(_SWEEP_HISTORY, (SWEPT_AT_ONCE,)).rowcount
    if swept == SWEPT_AT_ONCE:
        return True
    connection.execute(_SWEEP_EXECUTIONS)
    return _shrink(connection)


def _shrink(connection: Connection) -> bool:
    free = connection.execute("PRAGMA freelist_count").fetchone()[0] - KEPT_FREE
    if free <= 0:
        return False
    for _ in range(min(free, FREED_AT_ONCE)):
        # Each step of this statement frees a page and gives a row without columns, after which the sqlite3
        # module takes no further step: asked for more, it would free one all the same.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return free > FREED_AT_ONCE
