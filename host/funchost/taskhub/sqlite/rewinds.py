"""Rewinding in the database: failed instances get another history and are open again."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import msgspec

from funchost.instant import Instant
from funchost.taskhub.sqlite.rows import Rows, array, run_values
from funchost.taskhub.sqlite.schema import KEPT
from funchost.taskhub.sqlite.writes import RewindRow

__all__ = ["Rewound", "rewind"]

_FITTING = """
    SELECT json_group_array(json_array(i.key, i.execution, w.key))
    FROM json_each(?1) AS r
    CROSS JOIN instance AS i ON i.id = r.value ->> 0
    CROSS JOIN execution AS e ON e.key = i.execution
    LEFT JOIN worker AS w ON w.key = i.owner
    WHERE i.status = 'Failed' AND e.id = r.value ->> 1 AND i.updated = r.value ->> 2
    ORDER BY r.key
"""
_OPEN = """
    UPDATE instance SET status = 'Pending', updated = ?2, fence = fence + 1
    WHERE key IN (SELECT value FROM json_each(?1))
"""
_NO_OUTPUT = "UPDATE execution SET output = NULL WHERE key IN (SELECT value FROM json_each(?1))"
_NO_HISTORY = "DELETE FROM history WHERE execution IN (SELECT value FROM json_each(?1))"
_HISTORY = """
    INSERT INTO history (execution, episode, events)
    SELECT r.value ->> 0, 0, substr(?2, r.value ->> 1, r.value ->> 2) FROM json_each(?1) AS r
"""
# Not 0: a look for what was not due before would pass them by.
_DELIVER = f"UPDATE message SET due = 1 WHERE due = {KEPT} AND instance IN (SELECT value FROM json_each(?1))"


@dataclass(slots=True)
class Rewound:
    """``owners`` are the living workers of the instances; None among them: one has none."""

    owners: set[int | None]


def rewind(connection: Connection, rows: Sequence[RewindRow], now: Instant) -> Rewound | None:
    """All of them or none. None: one is not as it was read, and nothing was written."""
    wanted = array((row.instance, row.execution, row.updated) for row in rows)
    found = msgspec.json.decode(connection.execute(_FITTING, (wanted,)).fetchone()[0])
    if len(found) != len(rows):
        return None
    instances, executions = [key for key, _, _ in found], [execution for _, execution, _ in found]
    run_values(connection, _OPEN, instances, now)
    run_values(connection, _NO_OUTPUT, executions)
    run_values(connection, _NO_HISTORY, executions)
    # One row, before those that commits will add, which count on from where they were.
    histories = Rows()
    for row, execution in zip(rows, executions, strict=True):
        histories.add(execution, payloads=[row.blob])
    histories.run(connection, _HISTORY)
    run_values(connection, _DELIVER, instances)
    return Rewound({owner for _, _, owner in found})
