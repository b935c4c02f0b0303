"""The write-ahead log: moved into the database, and kept at its size, by a thread of its own.

A commit that makes the log longer waits for the file system's own journal besides the data, which takes
about twice as long as one that overwrites. So the log is made long in advance, with zeros that no reader takes for
a frame, and is begun anew from its start instead of being cut.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from funchost.taskhub.sqlite.locks import FileLock

__all__ = ["Checkpointer", "reserve"]

logger = logging.getLogger(__name__)

_INTERVAL_S = 0.5
_RESERVED_BYTES = 8 * 1024 * 1024
_PAGE_BYTES = 4096
_LARGEST_LOG_BYTES = 32 * 1024 * 1024
"""Of frames in the log; then writers stand still until all of it is moved, and it is begun anew."""


class Checkpointer:
    """Copies half a second after a write what was written since; without writes it sleeps."""

    def __init__(self, path: Path, lock: FileLock, connect: Callable[[], sqlite3.Connection]) -> None:
        self._lock = lock
        self._connect = connect
        self._written = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="hub-checkpoint", daemon=True)
        self._thread.start()

    def written(self) -> None:
        if not self._written.is_set():  # asking is a tenth of setting, and this is asked at every commit
            self._written.set()

    def close(self) -> None:
        self._closing.set()
        self._written.set()
        self._thread.join()

    def _serve(self) -> None:
        connection = self._connect()
        try:
            while True:
                self._written.wait()
                if self._closing.wait(_INTERVAL_S):
                    return
                self._written.clear()
                self._checkpoint(connection)
        finally:
            connection.close()

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames * _PAGE_BYTES > _LARGEST_LOG_BYTES:
                with self._lock.held():
                    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except (sqlite3.Error, OSError) as exc:
            # Nothing is lost: the log keeps growing until a later checkpoint succeeds.
            logger.warning("the log of the task hub is moved into its database later: %s", exc)


def reserve(database: Path, lock: FileLock) -> None:
    """Make the log long before it is used, a matter of some milliseconds. It exists once a connection has read."""
    log = _log_of(database)
    try:
        with lock.held(), log.open("r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            # Only ever beyond its end: what is there may be the work of another process.
            if end < _RESERVED_BYTES:
                file.write(bytes(_RESERVED_BYTES - end))
                os.fsync(file.fileno())
    except OSError as exc:
        # A small or full disk: commits take longer, and that is all.
        logger.debug("no room reserved for the log", extra={"reason": str(exc)})


def _log_of(database: Path) -> Path:
    return database.with_name(database.name + "-wal")
