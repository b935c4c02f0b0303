"""The database file: is it ours, and opening it with everything as the hub needs it.

A file that is not ours is recognised from its first 100 bytes, before SQLite touches it: opening alone may
already create files beside it or roll back a journal. Only a file of ours with a log beside it is opened
read-only as well: its latest version may stand in the log.
"""

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from funchost.errors import ConfigError, ForeignDatabase
from funchost.taskhub.sqlite.locks import FileLock
from funchost.taskhub.sqlite.schema import APPLICATION_ID, MIGRATIONS

__all__ = ["Durability", "connect", "lock_path", "prepare"]

Durability = Literal["full", "relaxed"]
"""``full``: a commit survives a power cut. ``relaxed``: only the end of the process."""

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_OLDEST_SQLITE = (3, 38, 0)  # UPDATE ... FROM, RETURNING, the JSON operators, STRICT tables
_BUSY_TIMEOUT_S = 30.0


def lock_path(path: Path) -> Path:
    """The side file whose kernel lock orders the writing processes of a database."""
    return path.with_name(path.name + ".lock")


def prepare(path: Path, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Create the database or bring it up to date; a file that is not ours stays as it is.

    Raises ForeignDatabase, and ConfigError for a folder that cannot be written or a SQLite that is too old.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        needed = ".".join(map(str, _OLDEST_SQLITE))
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old: install a Python with SQLite {needed} or newer")
    recognise(path, version=len(migrations))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_path(path))
    except OSError as exc:
        raise ConfigError(_not_writable(path, exc.strerror or str(exc))) from exc
    try:
        # Two processes may be the first at the same time.
        with lock.held():
            _bring_up_to_date(path, migrations)
    except sqlite3.OperationalError as exc:
        raise ConfigError(_not_writable(path, str(exc))) from exc
    except sqlite3.DatabaseError as exc:
        raise ForeignDatabase(_damaged(path, str(exc))) from exc
    finally:
        lock.close()


def recognise(path: Path, *, version: int) -> None:
    """Raises ForeignDatabase unless ``path`` is absent, empty, or of this program and no newer than ``version``."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as exc:
        raise ConfigError(
            f"{path}: cannot be read ({exc.strerror}); make it readable or choose another folder"
        ) from exc
    if not header:
        return
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise ForeignDatabase(
            f"{path}: is not a SQLite database, or its beginning is damaged; "
            "move it away to start with an empty task hub, or choose another folder"
        )
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise ForeignDatabase(
            f"{path}: is a SQLite database of another program; move it away, or choose another folder"
        )
    _refuse_newer(path, int.from_bytes(header[60:64], "big"), version)
    _refuse_truncated(path, header)
    if _log_bytes(path):
        _refuse_newer(path, _version_in_log(path), version)


def connect(
    path: Path, *, role: Literal["writer", "reader", "checkpointer"], durability: Durability
) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; transactions are begun and ended by hand."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    # Checkpoints have a thread of their own; a commit never does one.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    if sys.platform == "darwin" and durability == "full":
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
    if role == "reader":
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _bring_up_to_date(path: Path, migrations: Sequence[Sequence[str]]) -> None:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _set_up_header(connection)
        before = int(connection.execute("PRAGMA user_version").fetchone()[0])
        _refuse_newer(path, before, len(migrations))
        if before < len(migrations):
            _migrate(connection, migrations, before)
        # After the tables: the header, and with it the mark of whose file this is, is then in the file
        # itself and not only in the log beside it.
        connection.execute("PRAGMA journal_mode = WAL")
        if before < len(migrations):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _look_into_tables(connection)
    finally:
        connection.close()


def _look_into_tables(connection: sqlite3.Connection) -> None:
    """A table that is damaged where it begins is found before anything is written; a check of all pages would
    take as long as reading the whole file."""
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchone()


def _set_up_header(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]], before: int) -> None:
    """All missing steps in one transaction: a file has one version or another, never something between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[before:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_newer(path: Path, version: int, known: int) -> None:
    if version > known:
        raise ForeignDatabase(
            f"{path}: was written by a newer release (format {version}, this one knows {known}); "
            "update funchost, or choose another folder"
        )


def _log_bytes(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _version_in_log(path: Path) -> int:
    """0 where it cannot be told: whoever opens the file for writing then meets the reason and reports it."""
    try:
        # A connection that may only read leaves the log as it is, where another moves it into the file at its end.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
        try:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0


def _refuse_truncated(path: Path, header: bytes) -> None:
    """A file shorter than its header says lost its end, unless a log beside it still holds the pages."""
    if _log_bytes(path):
        return
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    pages = int.from_bytes(header[28:32], "big")
    size = path.stat().st_size
    if size < page_bytes * pages:
        raise ForeignDatabase(_damaged(path, f"it should have {page_bytes * pages} bytes and has {size}"))


def _damaged(path: Path, what: str) -> str:
    return f"{path}: is damaged ({what}); restore it from a backup, or move it away to start with an empty task hub"


def _not_writable(path: Path, what: str) -> str:
    return f"{path}: cannot be opened for writing ({what}); make its folder writable, or choose another data folder"
