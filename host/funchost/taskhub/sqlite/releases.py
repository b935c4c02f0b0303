"""What a running instance has locked when another takes its place: nobody else would release it."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection

from funchost.errors import Unreadable
from funchost.ids import InstanceId
from funchost.instant import Instant
from funchost.taskhub.outcomes import lock_releases
from funchost.taskhub.sqlite.reads import history_of
from funchost.taskhub.sqlite.routing import Target
from funchost.taskhub.sqlite.writes import MessageRow, StartWrite, message_row

__all__ = ["releases_of_replaced"]


def releases_of_replaced(
    connection: Connection, there: Mapping[InstanceId, Target], starts: Sequence[StartWrite], now: Instant
) -> list[MessageRow]:
    """``there`` are the instances before the starts. A history that cannot be read names no locks."""
    found = dict[InstanceId, list[MessageRow]]()
    for start in starts:
        target = there.get(start.row.event.instance_id)
        if target is None or target.id in found or target.status.is_terminal or target.status not in start.replacing:
            continue
        try:
            releases = lock_releases(history_of(connection, target.execution), now)
        except Unreadable:
            releases = []
        found[target.id] = [message_row(release.to, release.event) for release in releases]
    return [row for rows in found.values() for row in rows]
