"""One transaction: everything that was submitted so far, as if in this order.

Requests that wait for the same commit are concurrent, so any order of them is right; this one needs the
fewest statements: purges, rewinds, commits and answers, starts, messages, then claims. Two requests whose order
matters (two commits of one instance) are never in one batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import assert_never

import msgspec

from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant
from funchost.taskhub.sqlite.advance import Accepted, check, write_activities, write_advances
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.executions import purge, purge_ended, sweep
from funchost.taskhub.sqlite.gather import Room, Seeking, gather, yield_activities
from funchost.taskhub.sqlite.membership import bury, join, peers
from funchost.taskhub.sqlite.releases import releases_of_replaced
from funchost.taskhub.sqlite.rewinds import rewind
from funchost.taskhub.sqlite.routing import Arrival, Keys, Router, Target, wanted
from funchost.taskhub.sqlite.rows import array
from funchost.taskhub.sqlite.schema import KEPT
from funchost.taskhub.sqlite.starts import write_messages, write_runs
from funchost.taskhub.sqlite.writes import (
    AnswerWrite,
    BuryWrite,
    CommitWrite,
    GatherWrite,
    JoinWrite,
    MessageRow,
    PurgeEndedWrite,
    PurgeWrite,
    RewindWrite,
    SendWrite,
    StartWrite,
    SweepWrite,
    Write,
    YieldWrite,
)

__all__ = ["apply"]

_RESOLVE = """
    SELECT (
        SELECT json_group_array(json_array(i.key, i.id, i.status, i.execution, e.id, i.seq, i.fence, w.key))
        FROM json_each(?1) AS t
        CROSS JOIN instance AS i ON i.id = t.value
        CROSS JOIN execution AS e ON e.key = i.execution
        LEFT JOIN worker AS w ON w.key = i.owner
    ), (
        SELECT json_group_object(name, seq) FROM sqlite_sequence
    )
"""


@dataclass(slots=True)
class _ByKind:
    """A batch by kind, each in the order of submission."""

    commits: list[CommitWrite] = field(default_factory=list[CommitWrite])
    answers: list[AnswerWrite] = field(default_factory=list[AnswerWrite])
    starts: list[StartWrite] = field(default_factory=list[StartWrite])
    sends: list[SendWrite] = field(default_factory=list[SendWrite])
    purges: list[PurgeWrite] = field(default_factory=list[PurgeWrite])
    retirements: list[PurgeEndedWrite] = field(default_factory=list[PurgeEndedWrite])
    rewinds: list[RewindWrite] = field(default_factory=list[RewindWrite])
    wakes: list[MessageRow] = field(default_factory=list[MessageRow])
    yields: list[YieldWrite] = field(default_factory=list[YieldWrite])
    gathers: list[GatherWrite] = field(default_factory=list[GatherWrite])
    joins: list[JoinWrite] = field(default_factory=list[JoinWrite])
    burials: list[BuryWrite] = field(default_factory=list[BuryWrite])
    sweeps: list[SweepWrite] = field(default_factory=list[SweepWrite])

    def add(self, write: Write) -> None:
        match write:
            case CommitWrite():
                self.commits.append(write)
            case AnswerWrite():
                self.answers.append(write)
            case StartWrite():
                self.starts.append(write)
            case SendWrite():
                self.sends.append(write)
            case PurgeWrite():
                self.purges.append(write)
            case PurgeEndedWrite():
                self.retirements.append(write)
            case RewindWrite():
                self.rewinds.append(write)
            case YieldWrite():
                self.yields.append(write)
            case GatherWrite():
                self.gathers.append(write)
            case JoinWrite():
                self.joins.append(write)
            case BuryWrite():
                self.burials.append(write)
            case SweepWrite():
                self.sweeps.append(write)
            case _:
                assert_never(write)


def apply(
    connection: Connection, batch: Sequence[Write], *, now: Instant, room: Room, seeking: Seeking, fenced: bool = True
) -> Effects:
    """Write ``batch``; the caller begins and commits. ``fenced`` False is for the test that needs a broken hub."""
    work, effects = _ByKind(), Effects()
    for write in batch:
        work.add(write)
    if work.purges or work.retirements:
        _purge(connection, work, effects)
    for write in work.rewinds:
        _rewind(connection, write, work.wakes, effects, now=now, me=room.worker)
    _advance_and_route(connection, work, effects, now=now, room=room, fenced=fenced)
    if work.yields:
        _yield(connection, work.yields, effects, now)
    for write in work.joins:
        effects.tell(write.then, join(connection, write.worker, write.address))
        effects.free_instances = effects.free_activities = True
    if work.burials:
        _bury(connection, work.burials, effects)
    if work.sweeps:
        more = sweep(connection)
        for write in work.sweeps:
            effects.tell(write.then, more)
    if work.gathers:
        effects.gathered = gather(connection, seeking, effects, now=now, room=room)
        for write in work.gathers:
            effects.tell(write.then, None)
    elif effects.owners or effects.free_instances or effects.free_activities:
        effects.addresses = [
            address
            for key, (_, address) in peers(connection, room.worker).items()
            if key in effects.owners or effects.free_instances or effects.free_activities
        ]
    return effects


def _advance_and_route(
    connection: Connection, work: _ByKind, effects: Effects, *, now: Instant, room: Room, fenced: bool
) -> None:
    accepted, answers = list[Accepted](), list[AnswerWrite]()
    if work.commits or work.answers:
        accepted, answers = check(connection, work.commits, work.answers, effects, me=room.worker, fenced=fenced)
    messages = [message for each in accepted for message in each.write.messages]
    messages += [answer.message for answer in answers]
    messages += [send.message for send in work.sends]
    messages += work.wakes
    children = [row for each in accepted for row in each.write.starts]
    restarts = any(each.write.restart for each in accepted)
    router = Router(
        {each.target.id: each.target for each in accepted}, Keys(), now, room.worker, room.instances, room.versions
    )
    if messages or children or work.starts or restarts:
        elsewhere = wanted([*children, *(start.row for start in work.starts)], messages) - router.targets.keys()
        _resolve(connection, router, elsewhere)
    if accepted or answers:
        write_advances(connection, accepted, answers, router.keys, now)
        write_activities(connection, accepted, effects, me=room.worker, room=room.activities)
        effects.left_behind |= restarts
    releases = releases_of_replaced(connection, router.targets, work.starts, now)
    _look_up(connection, router, {row.to for row in releases} - router.targets.keys())
    for start in work.starts:
        effects.tell(start.then, router.start(start.row, start.replacing))
    for row in children:
        router.start_child(row)
    for row in (*messages, *releases):
        router.send(row)
    for send in work.sends:
        effects.tell(send.then, None)
    write_runs(connection, router.runs, now)
    write_messages(connection, router.messages)
    if router.messages:
        effects.last_message = router.messages[-1].id
    _hand_over(router, effects)


def _resolve(connection: Connection, router: Router, ids: Collection[InstanceId]) -> None:
    """What has to be known before anything is routed: these instances, and the keys in use."""
    found, last = connection.execute(_RESOLVE, (array(ids),)).fetchone()
    _add_targets(router, found)
    used = msgspec.json.decode(last)
    keys = router.keys
    keys.instance, keys.execution, keys.message = (
        used.get("instance", 0),
        used.get("execution", 0),
        used.get("message", 0),
    )


def _look_up(connection: Connection, router: Router, ids: Collection[InstanceId]) -> None:
    if ids:
        _add_targets(router, connection.execute(_RESOLVE, (array(ids),)).fetchone()[0])


def _add_targets(router: Router, found: str) -> None:
    for key, instance, status, execution, execution_id, seq, fence, owner in msgspec.json.decode(found):
        router.targets[instance] = Target(
            key, instance, RuntimeStatus(status), execution, execution_id, seq, fence, owner
        )


def _hand_over(router: Router, effects: Effects) -> None:
    """Sort what was routed: for this worker, for another, or for whoever claims it."""
    fresh = set[int]()
    for run in router.runs:
        fresh.add(run.target.execution)
        if run.replaced is not None:
            effects.gone.append(run.target.key)
            effects.left_behind = True
    for message in router.messages:
        target, row = message.target, message.row
        if not router.is_due(row):
            if row.due != KEPT:
                effects.due_later(row.due)
        elif target.owner is None:
            effects.free_instances = True
        elif target.owner == router.me:
            arrival = Arrival(message.id, row.event, message.execution)
            effects.deliver(target, arrival, fresh=target.execution in fresh)
        else:
            effects.owners.add(target.owner)


def _purge(connection: Connection, work: _ByKind, effects: Effects) -> None:
    if work.purges:
        found = purge(connection, work.purges)
        effects.gone.extend(found.values())
        for place, write in enumerate(work.purges):
            effects.tell(write.then, place in found)
    for write in work.retirements:
        ended = purge_ended(connection, write.before, write.most)
        effects.gone.extend(ended)
        effects.tell(write.then, len(ended))
    effects.left_behind |= bool(effects.gone)


def _rewind(
    connection: Connection,
    write: RewindWrite,
    wakes: list[MessageRow],
    effects: Effects,
    *,
    now: Instant,
    me: int | None,
) -> None:
    done = rewind(connection, write.rows, now)
    effects.tell(write.then, done is not None)
    if done is None:
        return
    wakes += write.wakes
    # What was kept for them is due now, and none of it came through memory.
    effects.due_later(now)
    effects.owners |= {owner for owner in done.owners if owner is not None and owner != me}
    effects.free_instances |= None in done.owners


def _yield(connection: Connection, yields: Sequence[YieldWrite], effects: Effects, now: Instant) -> None:
    yield_activities(connection, [(write.key, write.not_before, write.input) for write in yields])
    for write in yields:
        if write.not_before > now:
            effects.due_later(write.not_before)
        else:
            effects.free_activities = True
        effects.tell(write.then, None)


def _bury(connection: Connection, burials: Sequence[BuryWrite], effects: Effects) -> None:
    bury(connection, sorted({worker for write in burials for worker in write.workers}))
    effects.free_instances = effects.free_activities = True
    for write in burials:
        effects.tell(write.then, None)
