"""The task hub: the seam between the engine and a store.

A task hub holds instances, their histories, the messages on their way to them and the activities that
wait to run. A store implements :class:`TaskHub`; the worker, the client and the HTTP API see only this
module. Everything that crosses the seam is a value, and the words are the engine's, not the store's:
that lets SQLite commit an episode in one transaction while Azure Storage does the documented sequence
of sends, history, view and deletes.

The rules every implementation keeps (one contract suite checks them):

- **The history commit is the only commit point.** Nothing of an outcome is observable before it is durable.
- **Messages may come twice, none is lost.** A message is removed with or after the commit that consumed it.
- **The first answer of an activity wins.** Its row is the token: the commit that takes an answer removes
  it, and an answer without a token is refused before anything is written.
- **An outcome is applied once or not at all.** A session names what it is based on; whoever is too late gets
  :class:`Lost` and nothing of it is in the history.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Final, NewType, Protocol

from funchost.durable.events import HistoryEvent, TraceContext
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.instant import Instant

__all__ = [
    "ENCODING_ERRORS",
    "UNCHANGED",
    "ActivityWork",
    "AnswerTaken",
    "Append",
    "Committed",
    "Episode",
    "HubWorker",
    "Instance",
    "Liveness",
    "Lost",
    "NewActivity",
    "NewInstance",
    "Outcome",
    "Page",
    "PageToken",
    "Query",
    "Received",
    "Restart",
    "Revoked",
    "Rewind",
    "Send",
    "Session",
    "Settled",
    "Snapshot",
    "StatusChange",
    "TaskHub",
    "Unchanged",
    "fits_all",
]


class Unchanged(Enum):
    """The type of :data:`UNCHANGED`, which is neither a value nor the absence of one."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

ENCODING_ERRORS: Final = (TypeError, ValueError, OverflowError)
"""What :meth:`HubWorker.commit` raises for a value that cannot be stored."""

PageToken = NewType("PageToken", str)
"""Opaque: where the next page of a listing begins."""


# --- what clients ask for -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewInstance:
    """A start. ``input`` is JSON text; ``scheduled_start`` delays the first episode."""

    id: InstanceId
    name: str
    input: str | None = None
    version: str = ""
    tags: Mapping[str, str] | None = None
    scheduled_start: Instant | None = None
    trace: TraceContext | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """The view of one instance: derived from its history, and a commit behind it at most.

    ``input``, ``output`` and ``custom_status`` are JSON text (``output`` of a failed or terminated
    instance is plain text); with ``payloads=False`` the first two are None.
    """

    id: InstanceId
    execution: ExecutionId
    name: str
    status: RuntimeStatus
    created: Instant
    updated: Instant
    version: str = ""
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None
    tags: Mapping[str, str] | None = None
    parent: InstanceId | None = None
    scheduled_start: Instant | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which instances to list, all conditions together; empty ``statuses`` means any.

    ``created_…`` and ``updated_…`` are inclusive at both ends. ``entities`` says whether ids that begin
    with ``@`` are in (None: both kinds). ``top`` bounds the page (None: all of them in one).
    """

    name: str | None = None
    id_prefix: str | None = None
    statuses: frozenset[RuntimeStatus] = frozenset()
    created_from: Instant | None = None
    created_to: Instant | None = None
    updated_from: Instant | None = None
    updated_to: Instant | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    entities: bool | None = None
    top: int | None = 100
    payloads: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Instances in the order of their ids, and the token of the next page, if there is one."""

    instances: Sequence[Instance]
    next: PageToken | None = None


@dataclass(frozen=True, slots=True)
class Rewind:
    """A failed instance, and the history that it is to go on from instead of its own.

    ``execution`` and ``updated`` are what was read before that history was: whoever comes later than another change
    is refused. ``wake``: it goes on by itself; the others wait for the answers of their children.
    """

    instance: InstanceId
    execution: ExecutionId
    updated: Instant
    events: Sequence[HistoryEvent]
    wake: bool


# --- what a worker is handed ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is kept of an entity between two batches, as JSON text: its state, its queue and who has locked
    it. None: there is nothing yet. As the change of an outcome it replaces what was stored."""

    state: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """The right to advance one execution, based on what ``token`` stands for.

    ``token`` is opaque above the seam (a fence and a number, an ETag). It is good for one commit, which
    gives the next. ``past`` is what is committed and ``token`` stands for: the history of an orchestration, the
    snapshot of an entity. None in an episode of a session that the worker holds; one that has forgotten the
    session abandons the episode.
    """

    instance: InstanceId
    execution: ExecutionId
    token: object
    past: Sequence[HistoryEvent] | Snapshot | None


@dataclass(frozen=True, slots=True)
class Received:
    """One message for an instance. ``receipt`` is opaque and names it to the hub that delivered it."""

    receipt: object
    event: HistoryEvent


@dataclass(frozen=True, slots=True)
class Episode:
    """Messages for one instance, in delivery order, and the session to handle them in.

    When the worker holds a newer session of the same execution, that one counts. ``damage``: what is stored of
    the instance cannot be read, and why; the past then ends before that, and all that can be done is to
    fail the instance.
    """

    session: Session
    messages: Sequence[Received]
    attempt: int = 1
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityWork:
    """An activity to run. ``input`` is the stored text: a JSON array of the one argument."""

    instance: InstanceId
    execution: ExecutionId
    task: int
    name: str
    input: str | None
    receipt: object
    attempt: int = 1
    trace: TraceContext | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    """Another worker has the instance: forget the session and its caches, do not commit."""

    instance: InstanceId


# --- what a worker hands back ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewActivity:
    """An activity that this episode scheduled; ``task`` is the ``event_id`` of its TaskScheduled."""

    task: int
    name: str
    input: str | None
    trace: TraceContext | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """A message to an instance, delivered not before ``due`` (None: at once).

    An ExecutionStarted creates the child; when an instance of that id exists in a state that may not be
    replaced, the sender gets a SubOrchestrationInstanceFailed with the text of ``InstanceExists`` instead.
    An event for an entity that does not exist creates it. Any other event for an instance that does not exist, is
    finished, or runs another execution than ``execution`` (when given) is dropped. But an answer to the ``execution``
    of a failed instance is kept, and delivered when that is rewound: nobody would send it again.
    """

    to: InstanceId
    event: HistoryEvent
    due: Instant | None = None
    execution: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """The execution goes on: these events follow its past."""

    events: Sequence[HistoryEvent]


@dataclass(frozen=True, slots=True)
class Restart:
    """Continue-as-new: these events are the whole history of a new execution. ``carried`` are messages
    of the old one that the new one shall receive."""

    execution: ExecutionId
    events: Sequence[HistoryEvent]
    input: str | None
    created: Instant
    carried: Sequence[HistoryEvent] = ()


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What differs in the view since the last commit; ``UNCHANGED`` leaves a field alone."""

    status: RuntimeStatus | Unchanged = UNCHANGED
    output: str | Unchanged | None = UNCHANGED
    custom_status: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one episode did, to become durable together.

    ``answered`` are answers of activities that ran in this process and are part of ``change``.
    ``run_here`` of the new ``activities`` (the first ones) are claimed for this worker and come back in
    :class:`Committed`; the rest is for whoever asks first. ``cancelled_timers`` are the numbers of timers
    that need not fire any more. A terminal ``status`` also ends what is left of the execution: unstarted
    activities, pending timers and undelivered messages; of those a failed one keeps the answers, as with :class:`Send`.
    """

    change: Append | Restart | Snapshot
    answered: Sequence[tuple[ActivityWork, HistoryEvent]] = ()
    activities: Sequence[NewActivity] = ()
    sends: Sequence[Send] = ()
    cancelled_timers: Sequence[int] = ()
    status: StatusChange | None = None
    run_here: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """Durable. ``token`` replaces the session's; ``activities`` may start now, never earlier."""

    token: object
    activities: Sequence[ActivityWork] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Another has advanced, replaced or purged the instance; nothing of ours is in its history."""


@dataclass(frozen=True, slots=True)
class AnswerTaken:
    """Nothing was written: these tasks are answered already. Run the episode again without them."""

    tasks: frozenset[int]


Settled = Committed | Lost | AnswerTaken


def fits_all(version: str) -> str | None:
    """For workers that take instances of every version."""
    return None


# --- the protocols --------------------------------------------------------------------------------


class HubWorker(Protocol):
    """One worker's view of a task hub, between entering and leaving :meth:`TaskHub.work`.

    Claims and visibility of what was handed out are kept up inside the hub.
    """

    async def take(self, *, episodes: int, activities: int) -> Sequence[Episode | ActivityWork | Revoked]:
        """At least one, at most what was asked. Of one instance one Episode is out at a time: the next comes
        after this one was committed, abandoned or released. Cancelling loses nothing."""
        ...

    def commit(self, episode: Episode, outcome: Outcome, then: Callable[[Settled], None]) -> None:
        """Make ``outcome`` durable, with ``episode.messages`` consumed by it. Thread-safe.

        ``episode.session.token`` says what it is based on; an episode of local answers has no messages.
        ``then`` is called exactly once, on any thread, when the outcome is durable or refused; it must be
        quick and must not raise. May block the calling thread for the time of a commit, so it is never
        called on an event loop's thread. A store that does not answer is waited for; nothing is retried
        blindly: an attempt of unknown outcome is resolved by re-reading.

        Raises one of ENCODING_ERRORS for what cannot be stored, a text that is no Unicode for example: it is then
        as if it had not been called.
        """
        ...

    def answer(self, work: ActivityWork, event: HistoryEvent, then: Callable[[bool], None]) -> None:
        """A durable answer without an episode: the instance gets ``event`` as a message. Thread-safe, as commit.

        ``then(False)``: it was answered already, or the execution is gone; the event was dropped.
        """
        ...

    async def abandon(self, work: Episode | ActivityWork, *, delay: timedelta, why: str) -> None:
        """Give work back untouched, to be taken again after ``delay`` with ``attempt + 1``.

        With an episode its session is given back too: the next one carries the past.
        """
        ...

    async def postpone(self, work: ActivityWork, *, rest: str, delay: timedelta) -> None:
        """Hand the activity out again after ``delay``, with ``rest`` for its input: a part of it is done.

        Durable when it returns; ``attempt`` begins anew. Work that is answered or gone meanwhile stays so.
        """
        ...

    async def release(self, instance: InstanceId) -> None:
        """Forget the session of an idle instance; its next Episode carries the past again."""
        ...


class TaskHub(Protocol):
    """Instances, their messages and activities. Every message may come twice; nothing is lost.

    Methods may be called from the loop that opened the hub.
    """

    @property
    def name(self) -> str: ...

    async def start(self, new: NewInstance, *, replacing: frozenset[RuntimeStatus]) -> ExecutionId:
        """Durable when it returns; status then shows the new run. Raises InstanceExists when there is an
        instance in a state outside ``replacing``; a replaced instance loses its history, and the locks that it had
        go back to their entities."""
        ...

    async def send(self, to: InstanceId, event: HistoryEvent, *, due: Instant | None = None) -> None:
        """Durable when it returns. A message for an unknown or finished instance is dropped; one for an unknown
        entity creates it."""
        ...

    async def read(self, instance: InstanceId, *, payloads: bool = True) -> Instance | None: ...

    async def history(self, instance: InstanceId) -> Sequence[HistoryEvent]:
        """The latest execution's events, oldest first; empty when there is none (yet)."""
        ...

    async def list(self, query: Query, *, page: PageToken | None = None) -> Page: ...

    async def purge(
        self,
        instance: InstanceId,
        *,
        statuses: frozenset[RuntimeStatus] | None = None,
        execution: ExecutionId | None = None,
        idle_since: Instant | None = None,
    ) -> bool:
        """Remove all of an instance, if it is in one of ``statuses``, runs this ``execution``, and was neither advanced
        nor sent anything after ``idle_since`` that still waits (None: it does not matter). False: there is none like
        that; nothing was removed. Checked and done in one."""
        ...

    async def purge_ended(self, before: Mapping[RuntimeStatus, Instant], *, most: int) -> int:
        """Remove up to ``most`` instances that have been in a state of ``before`` since before its time; how many."""
        ...

    async def rewind(self, rewinds: Sequence[Rewind], reason: str | None) -> bool:
        """Let failed instances go on, all or none of them, in one: each gets its history, the status Pending and no
        output; ``created`` stays. Those to ``wake`` get a GenericEvent with ``reason``.

        False: one of them is no longer as it was read; nothing was changed.
        """
        ...

    def ended(self, instance: InstanceId) -> AbstractContextManager[asyncio.Event]:
        """While entered: an event that is set when an execution of ``instance`` ends in this process.

        Ends in other processes set nothing: whoever waits looks from time to time as well.
        """
        ...

    def work(
        self, worker: WorkerId, *, unfit: Callable[[str], str | None] = fits_all
    ) -> AbstractAsyncContextManager[HubWorker]:
        """Take part. Leaving the context waits for commits under way and hands over what is held.

        ``unfit`` tells why orchestrations of a version are none of this worker's, and left to others; None: they are.
        It must be quick, and say the same each time.
        """
        ...

    async def close(self) -> None: ...


class Liveness(Protocol):
    """Is a worker alive? Never a matter of clocks: a sleeping machine's worker is alive."""

    def is_alive(self, worker: WorkerId) -> bool: ...
