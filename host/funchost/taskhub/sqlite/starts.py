"""Writing what the router decided: new and replaced instances, and messages."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from funchost.instant import Instant
from funchost.taskhub.sqlite.executions import add_executions, end_messages, leave_behind, untag
from funchost.taskhub.sqlite.routing import NewMessage, NewRun
from funchost.taskhub.sqlite.rows import Rows

__all__ = ["write_messages", "write_runs"]

_INSTANCE = """
    INSERT INTO instance (
        key, id, name, version, status, tags, created, updated, parent, scheduled_start, execution, seq, fence, owner
    )
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 10, r.value ->> 4, r.value ->> 9, ?2,
           r.value ->> 5, r.value ->> 6, r.value ->> 7, 0, 1, r.value ->> 8
    FROM json_each(?1) AS r
"""
_REPLACE = """
    UPDATE instance SET
        name = r.value ->> 1, version = r.value ->> 2, status = 'Pending', custom_status = NULL,
        tags = r.value ->> 3, created = r.value ->> 9, updated = ?2, parent = r.value ->> 4,
        scheduled_start = r.value ->> 5, execution = r.value ->> 6, seq = 0, fence = r.value ->> 7,
        owner = r.value ->> 8
    FROM json_each(?1) AS r WHERE instance.key = r.value ->> 0
"""
_TAG = """
    INSERT OR REPLACE INTO tag (name, value, instance)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2 FROM json_each(?1) AS r
"""
_MESSAGE = """
    INSERT INTO message (id, instance, execution, timer, due, event)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4,
           substr(?2, r.value ->> 5, r.value ->> 6)
    FROM json_each(?1) AS r
"""


def write_runs(connection: Connection, runs: Sequence[NewRun], now: Instant) -> None:
    """What a replaced run left goes first: new messages of the instance must survive it."""
    if not runs:
        return
    replaced = [run for run in runs if run.replaced is not None]
    leave_behind(connection, [run.replaced for run in runs if run.replaced is not None])
    end_messages(connection, [run.target.key for run in replaced])
    untag(connection, [run.target.key for run in replaced])
    instances, replacements, executions, tags = Rows(), Rows(), Rows(), Rows()
    for run in runs:
        event, target = run.row.event, run.target
        labels = msgspec.json.encode(event.tags).decode() if event.tags else None
        parent = event.parent.instance_id if event.parent else None
        if run.replaced is None:
            instances.add(
                target.key, target.id, event.name, event.version, labels, parent, event.scheduled_start,
                target.execution, target.owner, event.timestamp, target.status.value,
            )  # fmt: skip
        else:
            replacements.add(
                target.key, event.name, event.version, labels, parent, event.scheduled_start,
                target.execution, target.fence, target.owner, event.timestamp,
            )  # fmt: skip
        executions.add(target.execution, target.execution_id, target.key, payloads=[run.row.input])
        for name, value in (event.tags or {}).items():
            tags.add(name, value, target.key)
    instances.run(connection, _INSTANCE, now)
    replacements.run(connection, _REPLACE, now)
    add_executions(connection, executions)
    tags.run(connection, _TAG)


def write_messages(connection: Connection, messages: Sequence[NewMessage]) -> None:
    """Their keys are given: the router has told others of them."""
    rows = Rows()
    for message in messages:
        row = message.row
        rows.add(message.id, message.target.key, message.execution, row.timer, row.due, payloads=[row.blob])
    rows.run(connection, _MESSAGE)
