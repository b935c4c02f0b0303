"""One worker of the hub: hands out what is in its mailbox, and keeps the mailbox filled."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from sqlite3 import Connection

from funchost.clock import Clock
from funchost.durable.events import HistoryEvent
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND
from funchost.taskhub import ActivityWork, Episode, Outcome, Revoked, Settled
from funchost.taskhub.sqlite.codec import ActivityReceipt, Token, text_bytes
from funchost.taskhub.sqlite.committer import Committer, Memory
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.gather import Room, Seeking
from funchost.taskhub.sqlite.lookout import POLL_S, Lookout
from funchost.taskhub.sqlite.mailbox import Handout, Mailbox
from funchost.taskhub.sqlite.membership import Peers
from funchost.taskhub.sqlite.reads import Readers, read_pasts
from funchost.taskhub.sqlite.returns import Reply, Returns
from funchost.taskhub.sqlite.versions import Versions
from funchost.taskhub.sqlite.writes import CommitWrite, GatherWrite, YieldWrite, answer_write, commit_write

__all__ = ["SqliteWorker"]

logger = logging.getLogger(__name__)

CLAIMED_AHEAD = 512
"""How much may wait in memory of a worker that is alone; the rest stays free in the database."""

CLAIMED_BESIDE_OTHERS = 32
"""The same when there are others, which then find something to do as well."""

_RETRY_AFTER_S = 5.0


class SqliteWorker(Memory):
    """A :class:`~funchost.taskhub.HubWorker`. An episode of a held session carries no past.

    ``key`` is None before it has joined and after it has left: then it claims nothing. ``accompanied`` is
    set while there are other workers, ``left_behind`` when there is something to sweep.
    """

    def __init__(
        self, committer: Committer, readers: Readers, clock: Clock, returns: Returns, versions: Versions
    ) -> None:
        self.key: int | None = None
        self.peers: Peers = {}
        self.lookout = Lookout(clock, returns)
        self._committer = committer
        self._readers = readers
        self._clock = clock
        self._returns = returns
        self._mail = Mailbox()
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._free_instances = True
        self._free_activities = True
        self.accompanied = asyncio.Event()
        self.left_behind = asyncio.Event()
        self._takes = versions
        self._versions: dict[int, int] = {}

    # --- what a worker may ask

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        while True:
            self._filled.clear()
            handout = self._mail.take(episodes=episodes, activities=activities)
            if self._is_hungry():
                self.lookout.call_here()
            if not handout:
                await self._filled.wait()
                continue
            try:
                return await self._complete(handout)
            except (sqlite3.Error, OSError) as exc:
                # What was taken out is back in the mailbox.
                logger.error("histories cannot be read; it is tried again in a second: %s", exc)
                await self._clock.sleep(POLL_S)

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        self._committer.commit(commit_write(episode, outcome, then))

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        def failed(exc: BaseException) -> None:
            # The work is done but cannot be told: somebody has to try it again.
            self._committer.submit(self._give_back(work, _RETRY_AFTER_S, then=_nobody, failed=_nobody))
            then(False)

        self._committer.commit(answer_write(work, event, then, failed))

    async def abandon(self, work: Episode | ActivityWork, *, delay: timedelta, why: str) -> None:
        delay_s = delay.total_seconds()
        instance = work.instance if isinstance(work, ActivityWork) else work.session.instance
        # In the text too: the console of a person shows nothing else.
        logger.warning(
            "Work of '%s' is given back, and tried again after %g s: %s",
            instance,
            delay_s,
            why,
            extra={"instance_id": instance, "delay_s": delay_s, "reason": why},
        )
        if isinstance(work, ActivityWork):
            reply = Reply[None](self._returns)
            self._committer.submit(self._give_back(work, delay_s, then=reply.then, failed=reply.failed))
            await reply.wait()
        else:
            self._mail.abandon(work, self._clock.monotonic() + delay_s if delay_s > 0 else 0.0)
            self._mail_changed()

    async def postpone(self, work: ActivityWork, *, rest: str, delay: timedelta) -> None:
        reply = Reply[None](self._returns)
        self._committer.submit(
            self._give_back(work, delay.total_seconds(), then=reply.then, failed=reply.failed, rest=text_bytes(rest))
        )
        await reply.wait()

    async def release(self, instance: InstanceId) -> None:
        self._mail.release(instance)

    # --- what transactions ask and tell, on the committer's thread

    def room(self) -> Room:
        limit = self._limit()
        episodes, activities = self._mail.ready()
        return Room(self.key, max(0, limit - episodes), max(0, limit - activities), self._takes)

    def seeking(self) -> Seeking:
        return self._mail.seeking()

    def doubt(self) -> None:
        self._mail.doubt()

    def refused(self, write: CommitWrite) -> None:
        """A commit failed in a way that nobody expected: its instance is read again, but not at once."""
        self._try_again(write.token)

    def _try_again(self, token: object) -> None:
        assert isinstance(token, Token)
        self._mail.retry(token, self._clock.monotonic() + _RETRY_AFTER_S)
        self._returns.later(self._loop, self._mail_changed)

    def settle(self, effects: Effects) -> None:
        """``effects`` are durable; nobody else has heard of them yet."""
        gathered = effects.gathered
        if gathered is None:
            self._free_instances |= effects.free_instances
            self._free_activities |= effects.free_activities
        else:
            self._free_instances, self._free_activities = gathered.free_instances, gathered.free_activities
            self.lookout.next_due = gathered.next_due
            self._meet(gathered.peers)
        if effects.next_due is not None:
            self.lookout.due_at(effects.next_due)
        self._mail.absorb(effects)
        if effects.lost or (gathered is None and self._is_hungry()):
            self.lookout.call()
        if effects.left_behind:
            self._returns.later(self._loop, self.left_behind.set)
        if not self._filled.is_set() and self._mail.has_work():
            self._returns.later(self._loop, self._filled.set)

    # --- keeping the mailbox filled

    async def keep_filled(self) -> None:
        """Serve until cancelled: timers, delays, and what other processes leave or send."""
        while True:
            next_delayed = self._mail.wake_delayed(self._clock.monotonic())
            if self._mail.has_work():
                self._filled.set()
            await self.lookout.wait(at=next_delayed)
            if self.lookout.is_due() or await self._may_have_changed():
                self.lookout.wanted = False
                await self._gather()

    async def _gather(self) -> None:
        reply = Reply[None](self._returns)
        self._committer.submit(GatherWrite(reply.then, reply.failed))
        try:
            await reply.wait()
        except Exception:
            self.lookout.wanted = True
            logger.exception("looking for work failed; it is tried again in a second")

    async def _may_have_changed(self) -> bool:
        try:
            return await self._readers.run(self._has_changed)
        except (sqlite3.Error, OSError):
            return True  # looking for work meets the same trouble, and tells of it

    def _has_changed(self, connection: Connection) -> bool:
        """Has anybody written since the last look? One cheap statement for a poll that mostly finds nothing."""
        # Versions of different connections cannot be compared.
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        changed = version != self._versions.get(id(connection))
        self._versions[id(connection)] = version
        return changed

    async def _complete(self, handout: Handout) -> Sequence[Episode | ActivityWork | Revoked]:
        cold = handout.cold
        if cold:
            wanted = [(resident.id, resident.token) for resident in cold]
            try:
                pasts = await self._readers.run(lambda connection: read_pasts(connection, wanted))
            except BaseException:
                self._mail.put_back(handout)
                raise
            episodes = [resident.episode(past.what, past.damage) for resident, past in zip(cold, pasts, strict=True)]
        else:
            episodes = []
        return [*handout.revoked, *handout.warm, *episodes, *handout.activities]

    def _give_back(
        self,
        work: ActivityWork,
        delay_s: float,
        *,
        then: Callable[[None], None],
        failed: Callable[[BaseException], None],
        rest: bytes | None = None,
    ) -> YieldWrite:
        assert isinstance(work.receipt, ActivityReceipt)
        not_before = self._clock.now() + round(delay_s * TICKS_PER_SECOND) if delay_s > 0 else 0
        return YieldWrite(work.receipt.key, not_before, rest, then, failed)

    def _is_hungry(self) -> bool:
        """Is there free work that this worker has room for?"""
        half = self._limit() // 2
        episodes, activities = self._mail.ready()
        return (self._free_instances and episodes < half) or (self._free_activities and activities < half)

    def _limit(self) -> int:
        return CLAIMED_BESIDE_OTHERS if self.peers else CLAIMED_AHEAD

    def _meet(self, peers: Peers) -> None:
        self.peers = peers
        change = self.accompanied.set if peers else self.accompanied.clear
        self._returns.later(self._loop, change)

    def _mail_changed(self) -> None:
        self._filled.set()
        self.lookout.call_here()


def _nobody(result: object) -> None:
    pass
