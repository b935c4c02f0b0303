"""Many rows in one statement.

Every step of a statement gives up the interpreter lock and takes it again, which beside a CPU-bound
thread costs up to a switch interval. So a statement takes all its rows as one JSON array, and their
payloads as one blob from which it cuts each by offset and length.
"""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

import msgspec

__all__ = ["Rows", "array", "run_values"]

_encode = msgspec.json.Encoder().encode


def array(values: Iterable[object]) -> str:
    """A JSON parameter."""
    return _encode(list(values)).decode()


class Rows:
    """What one statement inserts or changes; nothing happens when it is empty.

    In SQL, ``?1`` is the array of rows and ``?2`` the payloads: cell n is ``r.value ->> n``, and a payload at
    n is ``substr(?2, r.value ->> n, r.value ->> (n + 1))``, which is NULL for None.
    """

    def __init__(self) -> None:
        self._rows: list[list[int | str | None]] = []
        self._payloads: list[bytes] = []
        self._end = 1

    def add(self, *cells: int | str | None, payloads: Iterable[bytes | None] = ()) -> None:
        """``payloads`` come after ``cells`` and take two places each."""
        row = list(cells)
        for payload in payloads:
            if payload is None:
                row += (None, None)
            else:
                row += (self._end, len(payload))
                self._payloads.append(payload)
                self._end += len(payload)
        self._rows.append(row)

    def run(self, connection: Connection, sql: str, *more: object) -> None:
        """``more`` are the parameters after the rows and, where the statement has any, the payloads."""
        if not self._rows:
            return
        payloads = (b"".join(self._payloads),) if "substr(?2" in sql else ()
        connection.execute(sql, (array(self._rows), *payloads, *more))


def run_values(connection: Connection, sql: str, values: Sequence[object], *more: object) -> None:
    """A statement about keys: ``?1`` is the array of them; nothing happens when it is empty."""
    if values:
        connection.execute(sql, (array(values), *more))
