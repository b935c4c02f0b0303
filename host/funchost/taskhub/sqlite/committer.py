"""One transaction at a time, with everything that was submitted while the last one ran.

A thread that submits from outside an event loop commits by itself when no commit is under way, so that a
single chain of steps needs no other thread; what comes in meanwhile goes to the committer's own thread.
Transactions of several processes take turns by a kernel lock: fairer, and faster, than retrying on a busy
database.

Fault points, in order: ``begin``, ``statements`` (all run, nothing committed), ``commit`` (about to),
``committed`` (durable, nobody told).
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from funchost.clock import Clock
from funchost.errors import StorageUnavailable
from funchost.taskhub import Lost
from funchost.taskhub.sqlite.codec import ActivityReceipt
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.gather import Room, Seeking
from funchost.taskhub.sqlite.locks import FileLock
from funchost.taskhub.sqlite.transaction import apply
from funchost.taskhub.sqlite.writes import CommitWrite, StartWrite, Write

__all__ = ["Committer", "Fault", "Memory", "no_fault"]

logger = logging.getLogger(__name__)

Fault = Callable[[str], None]
"""Called at each named point of a transaction; a test raises or kills there."""

LARGEST_BATCH = 512

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0

_UNAVAILABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
}


def no_fault(point: str) -> None:
    pass


class Memory:
    """What a worker remembers, as far as transactions depend on it. This one is of a process without worker."""

    def room(self) -> Room:
        return Room()

    def seeking(self) -> Seeking:
        return Seeking()

    def doubt(self) -> None:
        """A transaction's outcome is unknown and may have claimed something: look at everything again."""


class Committer:
    """Owns the writing connection.

    ``settle`` is told what became durable, in the order of commits, ``refused`` which outcome failed for a
    reason that nobody expected; ``finished`` follows when all of a batch were told.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: FileLock,
        clock: Clock,
        *,
        memory: Callable[[], Memory],
        settle: Callable[[Effects], None],
        refused: Callable[[CommitWrite], None],
        finished: Callable[[], None],
        fault: Fault = no_fault,
        fenced: bool = True,
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._clock = clock
        self._memory = memory
        self._settle = settle
        self._refused = refused
        self._finished = finished
        self._fault = fault
        self._fenced = fenced
        self._mutex = threading.Lock()
        self._pending = deque[Write]()
        self._busy = False
        self._closed = False
        self._closing = threading.Event()
        self._turns = SimpleQueue[bool]()
        self._thread = threading.Thread(target=self._serve, name="hub-committer", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> None:
        """Never waits: for event loops."""
        if self._enqueue(write):
            self._turns.put(True)

    def commit(self, write: Write) -> None:
        """May wait for one transaction: for other threads."""
        if self._enqueue(write):
            self._transact_guarded()
            # Whoever brought one write must not end up committing for everybody.
            if self._more():
                self._turns.put(True)

    def close(self) -> None:
        """Waits for what was submitted; a store that does not answer now is not waited for."""
        self._closing.set()
        self._turns.put(False)
        self._thread.join()
        while not self._is_closed():
            # A turn handed over by another thread just as this one ended.
            try:
                turn = self._turns.get(timeout=0.05)
            except Empty:
                continue
            if turn:
                self._serve_turn()
        self._connection.close()

    def _is_closed(self) -> bool:
        with self._mutex:
            self._closed = not self._busy
            return self._closed

    def _enqueue(self, write: Write) -> bool:
        """True: no commit is under way, and the caller has to see to one."""
        with self._mutex:
            if self._closed:
                raise StorageUnavailable("the task hub is closed")
            self._pending.append(write)
            if self._busy:
                return False
            self._busy = True
            return True

    def _more(self) -> bool:
        with self._mutex:
            self._busy = bool(self._pending)
            return self._busy

    def _serve(self) -> None:
        while self._turns.get():
            self._serve_turn()

    def _serve_turn(self) -> None:
        self._transact_guarded()
        while self._more():
            self._transact_guarded()

    def _transact_guarded(self) -> None:
        try:
            try:
                self._write(self._next_batch())
            finally:
                self._finished()
        except Exception:
            # Everything expected is handled below; nobody else could write if this thread ended.
            logger.exception("a transaction of the task hub failed in an unexpected way")

    def _next_batch(self) -> list[Write]:
        """In the order of submission, leaving out what must come after something of this batch."""
        with self._mutex:
            # No more than this under the mutex: every thread that brings a write waits for it.
            pending, self._pending = self._pending, deque[Write]()
        batch, later, first = list[Write](), list[Write](), set[object]()
        while pending and len(batch) < LARGEST_BATCH:
            write = pending.popleft()
            key = _alone(write)
            if key in first:
                later.append(write)
                continue
            if key is not None:
                first.add(key)
            batch.append(write)
        if later or pending:
            with self._mutex:
                self._pending.extendleft(reversed([*later, *pending]))
        return batch

    def _write(self, batch: Sequence[Write]) -> None:
        try:
            effects = self._until_stored(batch)
        except Exception as exc:  # noqa: BLE001 - one bad write must not sink the others, whatever is wrong with it
            if len(batch) == 1:
                self._refuse(batch[0], exc)
                return
            logger.warning("a batch is written one by one", extra={"size": len(batch), "reason": str(exc)})
            for write in batch:
                self._write([write])
        else:
            self._settle(effects)

    def _until_stored(self, batch: Sequence[Write]) -> Effects:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return self._once(batch)
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF not in _UNAVAILABLE:
                    raise
                if pause_s == _FIRST_PAUSE_S:
                    logger.error(
                        "%s: the task hub cannot write (%s); it keeps trying, and nothing is lost: make room, or mend "
                        "what keeps it from writing",
                        self._lock.path.with_suffix(""),
                        exc,
                    )
                if self._closing.wait(pause_s):
                    raise StorageUnavailable(f"the task hub cannot write: {exc}") from exc
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _once(self, batch: Sequence[Write]) -> Effects:
        connection, memory = self._connection, self._memory()
        with self._lock.held():
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._fault("begin")
                room, seeking = memory.room(), memory.seeking()
                effects = apply(
                    connection, batch, now=self._clock.now(), room=room, seeking=seeking, fenced=self._fenced
                )
                self._fault("statements")
                self._fault("commit")
            except BaseException:
                self._roll_back()
                raise
            self._end(effects, memory)
            return effects

    def _end(self, effects: Effects, memory: Memory) -> None:
        """COMMIT; returns only when ``effects`` are durable, raises only when they are not."""
        try:
            self._connection.execute("COMMIT")
            self._fault("committed")
        except Exception as exc:
            if self._connection.in_transaction:
                self._roll_back()
                raise
            # Still under the lock: what is in the database now is what this transaction left there.
            if not is_stored(self._connection, effects):
                memory.doubt()
                raise
            logger.warning("a commit of unknown outcome was found stored", extra={"reason": str(exc)})

    def _roll_back(self) -> None:
        # Some errors (a full disk among them) have rolled back already.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _refuse(self, write: Write, exc: Exception) -> None:
        logger.error("a write to the task hub failed", exc_info=exc, extra={"kind": type(write).__name__})
        if isinstance(write, CommitWrite):
            self._refused(write)
            write.then(Lost())
        else:
            write.failed(exc)


def is_stored(connection: sqlite3.Connection, effects: Effects) -> bool:
    """Was the transaction with these effects committed? One of its rows tells for all."""
    if effects.advanced:
        token = effects.advanced[0].token
        sql = "SELECT 1 FROM instance WHERE key = ? AND execution = ? AND seq = ?"
        return connection.execute(sql, token[:3]).fetchone() is not None
    if effects.last_message is not None:
        sql = "SELECT 1 FROM sqlite_sequence WHERE name = 'message' AND seq >= ?"
        return connection.execute(sql, (effects.last_message,)).fetchone() is not None
    if effects.activities:
        receipt = effects.activities[0].receipt
        assert isinstance(receipt, ActivityReceipt)
        sql = "SELECT 1 FROM activity WHERE key = ? AND owner IS NOT NULL"
        return connection.execute(sql, (receipt.key,)).fetchone() is not None
    if effects.gone:
        return connection.execute("SELECT 1 FROM instance WHERE key = ?", (effects.gone[0],)).fetchone() is None
    # What is left may be done twice.
    return False


def _alone(write: Write) -> object:
    """Writes with the same key here, other than None, need a batch each."""
    if isinstance(write, CommitWrite):
        return write.token.instance
    if isinstance(write, StartWrite):
        return write.row.event.instance_id
    return None
