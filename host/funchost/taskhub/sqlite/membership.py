"""The ``worker`` table: who takes part in a hub. A row here says who; the kernel lock says whether it lives."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from funchost.ids import WorkerId
from funchost.taskhub.sqlite.rows import array, run_values

__all__ = ["Peers", "bury", "join", "peers"]

Peers = dict[int, tuple[WorkerId, str]]
"""Id and doorbell address by key."""

_WORKERS = "SELECT json_group_array(json_array(key, id, address)) FROM worker WHERE key <> ?"
_BURY = "DELETE FROM worker WHERE key IN (SELECT value FROM json_each(?1))"
# Instances are freed one by one when they are claimed: an owner without a row is no owner.
_FREE = "UPDATE activity SET owner = NULL WHERE owner IN (SELECT value FROM json_each(?1))"


def join(connection: Connection, worker: WorkerId, address: str) -> int:
    """Its key. The caller holds the worker's kernel lock already, else others would bury it at once."""
    # An id that comes back was another life: what that one owned is not ours.
    connection.execute("DELETE FROM worker WHERE id = ?", (worker,))
    key = connection.execute("INSERT INTO worker (id, address) VALUES (?, ?)", (worker, address)).lastrowid
    assert key is not None
    # Activities of workers whose rows are gone without a burial: nobody else would look for them.
    orphans = "SELECT DISTINCT owner FROM activity WHERE owner IS NOT NULL AND owner NOT IN (SELECT key FROM worker)"
    run_values(connection, _FREE, [row[0] for row in connection.execute(orphans).fetchall()])
    return key


def bury(connection: Connection, workers: Sequence[int]) -> None:
    """Remove them and free their activities. Burying twice is harmless."""
    parameter = (array(workers),)
    connection.execute(_BURY, parameter)
    connection.execute(_FREE, parameter)


def peers(connection: Connection, me: int | None) -> Peers:
    rows = msgspec.json.decode(connection.execute(_WORKERS, (-1 if me is None else me,)).fetchone()[0])
    return {key: (WorkerId(worker), address) for key, worker, address in rows}
