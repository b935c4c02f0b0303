"""The embedded hub: puts file, committer, readers and worker together."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Self

from funchost.clock import Clock, new_guid
from funchost.durable.events import ExecutionStarted, HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.errors import ConfigError, InstanceExists, StorageError
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.instant import Instant
from funchost.taskhub import HubWorker, Instance, NewInstance, Page, PageToken, Query, Rewind, fits_all
from funchost.taskhub.sqlite.checkpoint import Checkpointer, reserve
from funchost.taskhub.sqlite.codec import encodable
from funchost.taskhub.sqlite.committer import Committer, Fault, Memory, no_fault
from funchost.taskhub.sqlite.doorbell import Doorbell, ring
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.file import Durability, connect, lock_path, prepare
from funchost.taskhub.sqlite.listing import list_instances
from funchost.taskhub.sqlite.locks import FileLock, WorkerLocks
from funchost.taskhub.sqlite.reads import Readers, read_history, read_instance
from funchost.taskhub.sqlite.returns import Reply, Returns
from funchost.taskhub.sqlite.services import sweep_up, watch_peers
from funchost.taskhub.sqlite.versions import Versions
from funchost.taskhub.sqlite.worker import SqliteWorker
from funchost.taskhub.sqlite.writes import (
    BuryWrite,
    CommitWrite,
    JoinWrite,
    PurgeEndedWrite,
    PurgeWrite,
    SendWrite,
    StartWrite,
    message_row,
    rewind_write,
    start_row,
)

__all__ = ["SqliteTaskHub"]

_LEAVE_S = 5.0
"""A disk that is full or gone must not keep the process from ending."""

logger = logging.getLogger(__name__)


class SqliteTaskHub:
    """Implements :class:`~funchost.taskhub.TaskHub`. One object, and at most one worker of it, per process."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        workers: Path,
        clock: Clock,
        durability: Durability = "full",
        fault: Fault = no_fault,
        check_fence: bool = True,
    ) -> None:
        """Use :meth:`open`. ``fault`` and ``check_fence`` are for tests of what happens when things break."""
        self._name = name
        self._workers = workers
        self._clock = clock
        self._locks = WorkerLocks(workers)
        self._returns = Returns()
        self._worker: SqliteWorker | None = None
        self._watches: dict[InstanceId, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._nobody = Memory()

        def open_reader() -> Connection:
            return connect(path, role="reader", durability=durability)

        def open_writer() -> Connection:
            return connect(path, role="writer", durability=durability)

        self._readers = Readers(open_reader)
        # The kernel lock of one opened file does not exclude a second use of it: each its own.
        self._write_lock = FileLock(lock_path(path))
        self._cut_lock = FileLock(lock_path(path))
        self._checkpointer = Checkpointer(path, self._cut_lock, open_writer)
        writer = open_writer()
        reserve(path, self._cut_lock)
        self._committer = Committer(
            writer,
            self._write_lock,
            clock,
            memory=self._memory,
            settle=self._settle,
            refused=self._refused,
            finished=self._returns.flush,
            fault=fault,
            fenced=check_fence,
        )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        name: str,
        data_dir: Path,
        clock: Clock,
        durability: Durability = "full",
        fault: Fault = no_fault,
        check_fence: bool = True,
    ) -> Self:
        """Creates or migrates the file; blocks for some milliseconds. Files of workers are in ``data_dir/workers``.

        Raises ForeignDatabase for a file that is not ours, newer or damaged, which it leaves as it is, and
        ConfigError where nothing can be written.
        """
        prepare(path)
        workers = data_dir / "workers"
        try:
            workers.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            what = f"cannot be created ({exc.strerror})"
            raise ConfigError(f"{workers}: {what}; make its folder writable, or choose another data folder") from exc
        return cls(
            path,
            name=name,
            workers=workers,
            clock=clock,
            durability=durability,
            fault=fault,
            check_fence=check_fence,
        )

    @property
    def name(self) -> str:
        return self._name

    # --- what clients ask for

    async def start(self, new: NewInstance, *, replacing: frozenset[RuntimeStatus]) -> ExecutionId:
        event = ExecutionStarted(
            timestamp=self._clock.now(),
            name=new.name,
            instance_id=new.id,
            execution_id=ExecutionId(new_guid()),
            input=new.input,
            version=new.version,
            tags=dict(new.tags) if new.tags else None,
            scheduled_start=new.scheduled_start,
            trace=new.trace,
        )
        reply = Reply[RuntimeStatus | None](self._returns)
        self._committer.submit(StartWrite(start_row(event), replacing, reply.then, reply.failed))
        in_the_way = await reply.wait()
        if in_the_way is not None:
            raise InstanceExists(new.id, in_the_way.value)
        return event.execution_id

    async def send(self, to: InstanceId, event: HistoryEvent, *, due: Instant | None = None) -> None:
        reply = Reply[None](self._returns)
        self._committer.submit(SendWrite(message_row(to, event, due=due), reply.then, reply.failed))
        await reply.wait()

    async def read(self, instance: InstanceId, *, payloads: bool = True) -> Instance | None:
        return await self._readers.run(lambda connection: read_instance(connection, instance, payloads=payloads))

    async def history(self, instance: InstanceId) -> Sequence[HistoryEvent]:
        return await self._readers.run(lambda connection: read_history(connection, instance))

    async def list(self, query: Query, *, page: PageToken | None = None) -> Page:
        return await self._readers.run(lambda connection: list_instances(connection, query, page))

    async def purge(
        self,
        instance: InstanceId,
        *,
        statuses: frozenset[RuntimeStatus] | None = None,
        execution: ExecutionId | None = None,
        idle_since: Instant | None = None,
    ) -> bool:
        reply = Reply[bool](self._returns)
        self._committer.submit(
            PurgeWrite(encodable(instance), statuses, execution, idle_since, reply.then, reply.failed)
        )
        return await reply.wait()

    async def purge_ended(self, before: Mapping[RuntimeStatus, Instant], *, most: int) -> int:
        reply = Reply[int](self._returns)
        self._committer.submit(PurgeEndedWrite(before, most, reply.then, reply.failed))
        return await reply.wait()

    async def rewind(self, rewinds: Sequence[Rewind], reason: str | None) -> bool:
        reply = Reply[bool](self._returns)
        self._committer.submit(rewind_write(rewinds, reason, self._clock.now(), reply.then, reply.failed))
        return await reply.wait()

    async def close(self) -> None:
        """After the worker has left. Waits for commits under way."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    @contextmanager
    def ended(self, instance: InstanceId) -> Generator[asyncio.Event]:
        event, loop = asyncio.Event(), asyncio.get_running_loop()
        watch = (loop, event)
        self._watches.setdefault(instance, []).append(watch)
        try:
            yield event
        finally:
            watches = self._watches[instance]
            watches.remove(watch)
            if not watches:
                del self._watches[instance]

    # --- taking part

    def work(
        self, worker: WorkerId, *, unfit: Callable[[str], str | None] = fits_all
    ) -> AbstractAsyncContextManager[HubWorker]:
        return self._work(worker, Versions(unfit))

    @asynccontextmanager
    async def _work(self, worker: WorkerId, versions: Versions) -> AsyncGenerator[HubWorker, None]:
        assert self._worker is None, "one worker of a hub at a time"
        lock = await asyncio.get_running_loop().run_in_executor(None, self._locks.take, worker)
        bell = Doorbell(self._workers, worker)
        here = SqliteWorker(self._committer, self._readers, self._clock, self._returns, versions)
        loop = asyncio.get_running_loop()
        self._worker = here
        try:
            here.key = await self._join(worker, bell.address)
            loop.add_reader(bell.socket.fileno(), _answer, bell, here)
            services = asyncio.create_task(self._serve(here), name=f"hub-services-{worker}")
            try:
                yield here
            finally:
                services.cancel()
                await asyncio.gather(services, return_exceptions=True)
                loop.remove_reader(bell.socket.fileno())
                await self._leave(here)
        finally:
            self._worker = None
            bell.close()
            self._locks.forget(worker)
            lock.close()

    async def _serve(self, worker: SqliteWorker) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.keep_filled(), name="hub-keep-filled")
            tasks.create_task(watch_peers(worker, self._locks, self._committer, self._clock, self._returns))
            tasks.create_task(sweep_up(worker, self._committer, self._clock, self._returns))

    async def _join(self, worker: WorkerId, address: str) -> int:
        reply = Reply[int](self._returns)
        self._committer.submit(JoinWrite(worker, address, reply.then, reply.failed))
        return await reply.wait()

    async def _leave(self, worker: SqliteWorker) -> None:
        """Claim nothing more; what was submitted before is written before."""
        key, worker.key = worker.key, None
        assert key is not None
        reply = Reply[None](self._returns)
        self._committer.submit(BuryWrite([key], reply.then, reply.failed))
        try:
            async with asyncio.timeout(_LEAVE_S):
                await asyncio.shield(reply.wait())
        except (StorageError, TimeoutError) as exc:
            # The others find the kernel lock free and take over all the same.
            logger.warning("a worker left without saying so", extra={"reason": str(exc)})

    # --- on the committer's thread

    def _memory(self) -> Memory:
        return self._worker or self._nobody

    def _refused(self, write: CommitWrite) -> None:
        if self._worker is not None:
            self._worker.refused(write)

    def _settle(self, effects: Effects) -> None:
        self._checkpointer.written()
        worker = self._worker
        if worker is not None:
            worker.settle(effects)
        if self._watches:
            self._tell_ends(effects)
        for then, result in effects.calls:
            try:
                then(result)
            except Exception:
                # The callback's own mistake; the others of this commit must hear of theirs.
                logger.exception("whoever waited for a commit failed to hear of it")
        for address in effects.addresses:
            ring(address)

    def _tell_ends(self, effects: Effects) -> None:
        for advanced in effects.advanced:
            if advanced.write.ends:
                for loop, event in tuple(self._watches.get(advanced.write.instance, ())):
                    self._returns.later(loop, event.set)

    def _close(self) -> None:
        self._committer.close()
        self._checkpointer.close()
        self._readers.close()
        self._write_lock.close()
        self._cut_lock.close()


def _answer(bell: Doorbell, worker: SqliteWorker) -> None:
    bell.answer()
    worker.lookout.call_here()
