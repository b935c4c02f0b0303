"""Work that does not come through memory: of other processes, of the dead, timers, and what was left unclaimed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any

from funchost.durable.entities.ids import is_entity
from funchost.durable.events import GenericEvent, HistoryEvent, TraceContext
from funchost.errors import Unreadable
from funchost.instant import Instant
from funchost.taskhub import ActivityWork
from funchost.taskhub.sqlite.codec import ActivityReceipt, read_event, read_trace, task_of
from funchost.taskhub.sqlite.effects import Effects, Gathered
from funchost.taskhub.sqlite.membership import peers
from funchost.taskhub.sqlite.routing import Arrival, Target
from funchost.taskhub.sqlite.rows import Rows, array, run_values
from funchost.taskhub.sqlite.schema import TASK_BITS
from funchost.taskhub.sqlite.versions import Versions

__all__ = ["Room", "Seeking", "gather", "yield_activities"]

_MESSAGES = """
    SELECT m.id, m.execution, m.event, i.key, i.id, i.status, i.execution, e.id, i.seq, i.fence
    FROM {source} AS d
    CROSS JOIN message AS m ON m.{key} = d.{key}
    CROSS JOIN instance AS i ON i.key = m.instance
    CROSS JOIN execution AS e ON e.key = i.execution
    WHERE i.owner = ?1 AND m.due <= ?2
    ORDER BY m.id
"""
# Messages of others carry ids above all that was seen, whoever wrote them: ids follow the order of commits.
_MINE = _MESSAGES.format(
    source="""(
        SELECT id FROM message WHERE id > ?3
        UNION SELECT id FROM message INDEXED BY message_by_due WHERE due > 0 AND due <= ?2
    )""",
    key="id",
)
_OF_INSTANCES = _MESSAGES.format(source="(SELECT value AS instance FROM json_each(?3))", key="instance")
_FREE_INSTANCES = """
    SELECT DISTINCT m.instance, i.id, i.version
    FROM message AS m INDEXED BY message_by_due CROSS JOIN instance AS i ON i.key = m.instance
    WHERE m.due <= ?1 AND NOT EXISTS (SELECT 1 FROM worker AS w WHERE w.key = i.owner)
    AND (i.version NOT IN (SELECT value FROM json_each(?3)) OR substr(i.id, 1, 1) = '@')
    LIMIT ?2
"""
_CLAIM_INSTANCES = """
    UPDATE instance SET owner = ?2, fence = fence + 1 WHERE key IN (SELECT value FROM json_each(?1))
"""
_FREE_ACTIVITIES = f"""
    SELECT a.key, a.instance, i.id, e.id, a.name, a.input, a.trace, a.attempt
    FROM activity AS a INDEXED BY activity_free
    CROSS JOIN instance AS i ON i.key = a.instance
    CROSS JOIN execution AS e ON e.key = a.key >> {TASK_BITS}
    WHERE a.owner IS NULL AND a.not_before <= ?1
    ORDER BY a.not_before, a.key
    LIMIT ?2
"""
_CLAIM_ACTIVITIES = "UPDATE activity SET owner = ?2 WHERE key IN (SELECT value FROM json_each(?1))"
_YIELD_ACTIVITIES = """
    UPDATE activity SET
        owner = NULL,
        not_before = r.value ->> 1,
        attempt = CASE WHEN r.value ->> 2 IS NULL THEN attempt + 1 ELSE 1 END,
        input = coalesce(CAST(substr(?2, r.value ->> 2, r.value ->> 3) AS TEXT), input)
    FROM json_each(?1) AS r WHERE activity.key = r.value ->> 0
"""
_NEXT_DUE = """
    SELECT min(due) FROM (
        SELECT min(due) AS due FROM message WHERE due > ?1
        UNION ALL SELECT min(not_before) FROM activity INDEXED BY activity_free
                  WHERE owner IS NULL AND not_before > ?1
    )
"""
_LAST_MESSAGE = "SELECT seq FROM sqlite_sequence WHERE name = 'message'"


@dataclass(slots=True, frozen=True)
class Room:
    """Who claims, and how much of what is claimable: ``worker`` None claims nothing."""

    worker: int | None = None
    instances: int = 0
    activities: int = 0
    versions: Versions = field(default_factory=Versions)


@dataclass(slots=True, frozen=True)
class Seeking:
    """What memory has: every message up to ``seen``, but those of ``reload``, which it has forgotten."""

    seen: int = 0
    reload: Sequence[int] = field(default_factory=tuple[int, ...])


def gather(connection: Connection, seeking: Seeking, effects: Effects, *, now: Instant, room: Room) -> Gathered:
    """Find what this worker may have; deliveries may repeat what memory has, which drops it by its id."""
    me = room.worker
    free_instances = free_activities = False
    if me is not None:
        _deliver(effects, connection.execute(_MINE, (me, now, seeking.seen)).fetchall(), me, now)
        claimed = list(seeking.reload)
        instances = _claim_instances(connection, me, now, room)
        activities = _claim_activities(connection, me, now, room.activities)
        free_instances, free_activities = len(instances) >= room.instances, len(activities) >= room.activities
        claimed += instances
        effects.activities.extend(activities)
        if claimed:
            _deliver(effects, connection.execute(_OF_INSTANCES, (me, now, array(claimed))).fetchall(), me, now)
    last = connection.execute(_LAST_MESSAGE).fetchone()
    return Gathered(
        seen=last[0] if last else 0,
        peers=peers(connection, me),
        next_due=connection.execute(_NEXT_DUE, (now,)).fetchone()[0],
        free_instances=free_instances,
        free_activities=free_activities,
    )


def yield_activities(connection: Connection, yields: Iterable[tuple[int, int, bytes | None]]) -> None:
    """Give these back: by key, each not before a time, and with another input where there is one."""
    rows = Rows()
    for key, not_before, text in yields:
        rows.add(key, not_before, payloads=[text])
    rows.run(connection, _YIELD_ACTIVITIES)


def _claim_instances(connection: Connection, me: int, now: Instant, room: Room) -> list[int]:
    if room.instances <= 0:
        return []
    versions = room.versions
    found, known = list[int](), -1
    # Again when versions were met for the first time that are not for this worker: they may hide others.
    while known < len(versions.left):
        known = len(versions.left)
        rows = connection.execute(_FREE_INSTANCES, (now, room.instances, array(versions.left))).fetchall()
        found = [key for key, id_, version in rows if is_entity(id_) or versions.takes(version, id_)]
    run_values(connection, _CLAIM_INSTANCES, found, me)
    return found


def _claim_activities(connection: Connection, me: int, now: Instant, limit: int) -> list[ActivityWork]:
    if limit <= 0:
        return []
    rows = connection.execute(_FREE_ACTIVITIES, (now, limit)).fetchall()
    run_values(connection, _CLAIM_ACTIVITIES, [row[0] for row in rows], me)
    return [_activity(*row) for row in rows]


def _deliver(effects: Effects, rows: Sequence[tuple[Any, ...]], me: int, now: Instant) -> None:
    for message, only, blob, key, instance, status, execution, execution_id, seq, fence in rows:
        target = Target(key, instance, status, execution, execution_id, seq, fence, me)
        event, damage = _event(blob, now)
        effects.deliver(target, Arrival(message, event, only, damage))


def _event(blob: bytes, now: Instant) -> tuple[HistoryEvent, str | None]:
    """What a message says; in place of one that cannot be read an event without effect, and why."""
    try:
        return read_event(blob), None
    except Unreadable as exc:
        return GenericEvent(timestamp=now, reason=str(exc)), str(exc)


def _activity(
    key: int, instance: int, instance_id: Any, execution_id: Any, name: str, text: str | None, trace: bytes | None,
    attempt: int,
) -> ActivityWork:  # fmt: skip
    receipt = ActivityReceipt(key, instance)
    return ActivityWork(
        instance_id, execution_id, task_of(key), name, text, receipt, attempt=attempt, trace=_trace(trace)
    )


def _trace(blob: bytes | None) -> TraceContext | None:
    try:
        return read_trace(blob)
    except Unreadable:
        # What the activity is to do stands elsewhere: it only joins no trace.
        return None
