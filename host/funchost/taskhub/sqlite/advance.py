"""The commits of a transaction: fence first, tokens second, then the writes, each for the whole batch.

All statements of this module are one call each, whatever the number of commits, and each is skipped when
it has nothing to do.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import msgspec

from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant
from funchost.taskhub import ActivityWork, AnswerTaken, Committed, Lost, Unchanged
from funchost.taskhub.sqlite.codec import ActivityReceipt, Token, activity_key, task_of
from funchost.taskhub.sqlite.effects import Advanced, Effects
from funchost.taskhub.sqlite.executions import (
    add_executions,
    end_activities,
    end_messages,
    keep_answers,
    leave_behind,
)
from funchost.taskhub.sqlite.routing import Keys, Target
from funchost.taskhub.sqlite.rows import Rows, array, run_values
from funchost.taskhub.sqlite.writes import AnswerWrite, CommitWrite

__all__ = ["Accepted", "check", "write_activities", "write_advances"]

_CHECK = """
    SELECT (
        SELECT json_group_array(json_array(c.key, i.status, i.seq))
        FROM json_each(?1) AS c
        CROSS JOIN instance AS i ON i.key = c.value ->> 0 {fence}
    ), (
        SELECT json_group_array(a.key)
        FROM json_each(?2) AS t CROSS JOIN activity AS a ON a.key = t.value
    )
"""
_FENCE = "AND i.execution = c.value ->> 1 AND i.seq = c.value ->> 2 AND i.fence = c.value ->> 3"
_FENCED_CHECK = _CHECK.format(fence=_FENCE)
_UNFENCED_CHECK = _CHECK.format(fence="")

_ADVANCE = "UPDATE instance SET seq = seq + 1, updated = ?2 WHERE key IN (SELECT value FROM json_each(?1))"
_STATUS = "UPDATE instance SET status = ?2 WHERE key IN (SELECT value FROM json_each(?1))"
_CUSTOM_STATUS = """
    UPDATE instance SET custom_status = CAST(substr(?2, r.value ->> 1, r.value ->> 2) AS TEXT)
    FROM json_each(?1) AS r WHERE instance.key = r.value ->> 0
"""
_OUTPUT = """
    UPDATE execution SET output = CAST(substr(?2, r.value ->> 1, r.value ->> 2) AS TEXT)
    FROM json_each(?1) AS r WHERE execution.key = r.value ->> 0
"""
_SNAPSHOT = """
    UPDATE execution SET input = CAST(substr(?2, r.value ->> 1, r.value ->> 2) AS TEXT)
    FROM json_each(?1) AS r WHERE execution.key = r.value ->> 0
"""
_HISTORY = """
    INSERT INTO history (execution, episode, events)
    SELECT r.value ->> 0, r.value ->> 1, substr(?2, r.value ->> 2, r.value ->> 3) FROM json_each(?1) AS r
"""
_CONSUME = "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?1))"
_ANSWER = "DELETE FROM activity WHERE key IN (SELECT value FROM json_each(?1))"
_CANCEL = """
    DELETE FROM message WHERE id IN (
        SELECT m.id FROM json_each(?1) AS r
        CROSS JOIN message AS m ON m.instance = r.value ->> 0 AND m.timer = r.value ->> 2
        WHERE m.execution = r.value ->> 1
    )
"""
_DROP_OLD_MESSAGES = """
    DELETE FROM message WHERE id IN (
        SELECT m.id FROM json_each(?1) AS r CROSS JOIN message AS m ON m.instance = r.value ->> 0
        WHERE m.execution = r.value ->> 1
    )
"""
_RESTART = """
    UPDATE instance SET execution = r.value ->> 1, created = r.value ->> 2
    FROM json_each(?1) AS r WHERE instance.key = r.value ->> 0
"""
_ACTIVITY = """
    INSERT INTO activity (key, instance, name, owner, attempt, not_before, input, trace)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, 1, 0,
           CAST(substr(?2, r.value ->> 4, r.value ->> 5) AS TEXT), substr(?2, r.value ->> 6, r.value ->> 7)
    FROM json_each(?1) AS r
"""


@dataclass(slots=True)
class Accepted:
    """A commit that may be written. ``target`` is its instance as it will be; ``episode`` numbers its history."""

    write: CommitWrite
    target: Target
    episode: int


def check(
    connection: Connection,
    commits: Sequence[CommitWrite],
    answers: Sequence[AnswerWrite],
    effects: Effects,
    *,
    me: int | None,
    fenced: bool,
) -> tuple[list[Accepted], list[AnswerWrite]]:
    """What may be written; the rest is refused in ``effects``. Nothing has been written when it returns."""
    tokens = [key for commit in commits for key in commit.answered]
    tokens += [answer.receipt.key for answer in answers]
    sql = _FENCED_CHECK if fenced else _UNFENCED_CHECK
    row = connection.execute(sql, (array(commit.token for commit in commits), array(tokens))).fetchone()
    fresh = {index: (RuntimeStatus(status), seq) for index, status, seq in msgspec.json.decode(row[0])}
    unanswered = set[int](msgspec.json.decode(row[1]))
    accepted = list[Accepted]()
    for index, commit in enumerate(commits):
        found = fresh.get(index)
        if found is None:
            effects.lost.append(commit.token)
            effects.tell(commit.then, Lost())
        elif not unanswered.issuperset(commit.answered):
            taken = frozenset(task_of(key) for key in commit.answered if key not in unanswered)
            effects.tell(commit.then, AnswerTaken(taken))
        else:
            unanswered.difference_update(commit.answered)
            accepted.append(_accept(commit, found[0], found[1], me))
    return accepted, _first_answers(answers, unanswered, effects)


def write_advances(
    connection: Connection, accepted: Sequence[Accepted], answers: Sequence[AnswerWrite], keys: Keys, now: Instant
) -> None:
    """All that commits change in rows that exist, and their history."""
    _restart(connection, accepted, keys)
    run_values(connection, _ADVANCE, [each.target.key for each in accepted], now)
    history, output, custom, snapshots = Rows(), Rows(), Rows(), Rows()
    by_status = defaultdict[RuntimeStatus, list[int]](list)
    for each in accepted:
        write, target = each.write, each.target
        if write.blob is not None:
            history.add(target.execution, each.episode, payloads=[write.blob])
        if write.status is not None:
            by_status[write.status].append(target.key)
        if not isinstance(write.output, Unchanged):
            output.add(target.execution, payloads=[write.output])
        if not isinstance(write.custom_status, Unchanged):
            custom.add(target.key, payloads=[write.custom_status])
        if not isinstance(write.snapshot, Unchanged):
            snapshots.add(target.execution, payloads=[write.snapshot])
    history.run(connection, _HISTORY)
    output.run(connection, _OUTPUT)
    custom.run(connection, _CUSTOM_STATUS)
    snapshots.run(connection, _SNAPSHOT)
    for status, instances in by_status.items():
        run_values(connection, _STATUS, instances, status.value)
    answered = [key for each in accepted for key in each.write.answered]
    run_values(connection, _ANSWER, answered + [answer.receipt.key for answer in answers])
    run_values(connection, _CONSUME, [each for one in accepted for each in one.write.consumed])
    _cancel_timers(connection, accepted)
    ended = [each.target for each in accepted if each.write.ends]
    end_activities(connection, [target.execution for target in ended])
    end_messages(connection, [target.key for target in ended if target.status is not RuntimeStatus.FAILED])
    keep_answers(connection, [target.key for target in ended if target.status is RuntimeStatus.FAILED])


def write_activities(
    connection: Connection, accepted: Sequence[Accepted], effects: Effects, *, me: int | None, room: int
) -> None:
    """The activities that commits schedule, and with them what each commit is told.

    The first ``run_here`` of each are its caller's; of the rest this worker claims up to ``room``.
    """
    rows = Rows()
    for each in accepted:
        write, target = each.write, each.target
        here = list[ActivityWork]()
        for index, new in enumerate(() if write.ends else write.activities):
            key = activity_key(target.execution, new.task)
            receipt = ActivityReceipt(key, target.key)
            work = ActivityWork(target.id, target.execution_id, new.task, new.name, new.input, receipt, trace=new.trace)
            owner = None
            if me is not None and index < write.run_here:
                owner = me
                here.append(work)
            elif me is not None and room > 0:
                owner, room = me, room - 1
                effects.activities.append(work)
            else:
                effects.free_activities = True
            rows.add(key, target.key, new.name, owner, payloads=[new.input_bytes, new.trace_bytes])
        effects.advanced.append(Advanced(write, target.token, target.execution_id))
        effects.tell(write.then, Committed(target.token, here))
    rows.run(connection, _ACTIVITY)


def _accept(commit: CommitWrite, status: RuntimeStatus, seq: int, me: int | None) -> Accepted:
    target = Target(
        key=commit.token.instance,
        id=commit.instance,
        status=status if commit.status is None else commit.status,
        execution=commit.token.execution,
        execution_id=commit.execution,
        seq=seq + 1,
        fence=commit.token.fence,
        owner=me,
    )
    return Accepted(commit, target, seq)


def _first_answers(answers: Sequence[AnswerWrite], unanswered: set[int], effects: Effects) -> list[AnswerWrite]:
    first = list[AnswerWrite]()
    for answer in answers:
        if answer.receipt.key in unanswered:
            unanswered.remove(answer.receipt.key)
            first.append(answer)
        effects.tell(answer.then, bool(first) and first[-1] is answer)
    return first


def _restart(connection: Connection, accepted: Sequence[Accepted], keys: Keys) -> None:
    """Continue-as-new: from here on the target names the new execution."""
    executions, instances, old = Rows(), Rows(), list[Token]()
    for each in accepted:
        restart, target = each.write.restart, each.target
        if restart is None:
            continue
        old.append(each.write.token)
        keys.execution += 1
        target.execution, target.execution_id = keys.execution, restart.execution
        executions.add(target.execution, restart.execution, target.key, payloads=[restart.input])
        instances.add(target.key, target.execution, restart.created)
    if not old:
        return
    leave_behind(connection, [token.execution for token in old])
    run_values(connection, _DROP_OLD_MESSAGES, [token[:2] for token in old])
    add_executions(connection, executions)
    instances.run(connection, _RESTART)


def _cancel_timers(connection: Connection, accepted: Sequence[Accepted]) -> None:
    timers = [(each.target.key, each.target.execution, timer) for each in accepted for timer in each.write.timers]
    run_values(connection, _CANCEL, timers)
