"""What a worker does beside its work: noticing the dead, and sweeping up."""

import logging

from funchost.clock import Clock
from funchost.taskhub.sqlite.committer import Committer
from funchost.taskhub.sqlite.doorbell import remove_bell
from funchost.taskhub.sqlite.locks import WorkerLocks
from funchost.taskhub.sqlite.returns import Reply, Returns
from funchost.taskhub.sqlite.worker import SqliteWorker
from funchost.taskhub.sqlite.writes import BuryWrite, SweepWrite

__all__ = ["sweep_up", "watch_peers"]

logger = logging.getLogger(__name__)

_WATCH_S = 0.25
_SWEEP_S = 0.05


async def watch_peers(
    worker: SqliteWorker, locks: WorkerLocks, committer: Committer, clock: Clock, returns: Returns
) -> None:
    """Bury workers whose process has ended. Alone, it sleeps."""
    while True:
        await worker.accompanied.wait()
        try:
            await _bury_dead(worker, locks, committer, returns)
        except Exception as exc:  # noqa: BLE001 - a service loop: the next look tries again
            logger.error("work of an ended worker cannot be taken over yet", extra={"reason": str(exc)})
        await clock.sleep(_WATCH_S)


async def sweep_up(worker: SqliteWorker, committer: Committer, clock: Clock, returns: Returns) -> None:
    """Remove the histories of runs that are over and replaced, a little at a time."""
    worker.left_behind.set()
    while True:
        await worker.left_behind.wait()
        worker.left_behind.clear()
        while await _sweep(committer, returns):
            await clock.sleep(_SWEEP_S)


async def _bury_dead(worker: SqliteWorker, locks: WorkerLocks, committer: Committer, returns: Returns) -> None:
    dead = {key: (peer, address) for key, (peer, address) in worker.peers.items() if not locks.is_alive(peer)}
    if not dead:
        return
    reply = Reply[None](returns)
    committer.submit(BuryWrite(list(dead), reply.then, reply.failed))
    await reply.wait()
    for peer, address in dead.values():
        locks.forget(peer)
        remove_bell(address)
        logger.warning("The worker %s has ended; its work is taken over", peer, extra={"worker": peer})
    worker.lookout.call_here()


async def _sweep(committer: Committer, returns: Returns) -> bool:
    reply = Reply[bool](returns)
    committer.submit(SweepWrite(reply.then, reply.failed))
    try:
        return await reply.wait()
    except Exception as exc:  # noqa: BLE001 - a service loop: what is left waits for the next sweep
        logger.error("sweeping up failed", extra={"reason": str(exc)})
        return False
