"""Moving the write-ahead log into the database, in a thread of its own: no commit ever waits for it."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from funchost.taskhub.sqlite.locks import FileLock

__all__ = ["Checkpointer"]

logger = logging.getLogger(__name__)

_INTERVAL_S = 0.5
_LARGEST_LOG_BYTES = 64 * 1024 * 1024


class Checkpointer:
    """Copies half a second after a write what was written since; without writes it sleeps."""

    def __init__(self, path: Path, lock: FileLock, connect: Callable[[], sqlite3.Connection]) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._lock = lock
        self._connect = connect
        self._written = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="hub-checkpoint", daemon=True)
        self._thread.start()

    def written(self) -> None:
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
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if self._log.stat().st_size > _LARGEST_LOG_BYTES:
                # Only this one needs writers to stand still, for the time of a cut.
                with self._lock.held():
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except (sqlite3.Error, OSError) as exc:
            # Nothing is lost: the log keeps growing until a later checkpoint succeeds.
            logger.warning("checkpoint put off", extra={"reason": str(exc)})
