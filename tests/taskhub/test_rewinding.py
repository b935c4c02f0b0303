"""The contract of rewinding: failed instances go on from another history, all of them or none."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from funchost.durable.events import EventRaised, GenericEvent, HistoryEvent, SubOrchestrationInstanceCompleted
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import Append, Episode, HubWorker, Instance, Lost, Outcome, Rewind, Send, TaskHub
from taskhub.acting import (
    NOW,
    RUNNING,
    after,
    append,
    commit,
    episode,
    events_of,
    fail,
    finish,
    nothing_comes,
    raised,
    start,
    working,
)
from taskhub.conftest import SqliteHubs

ONE = InstanceId("one")
AGAIN = [raised("what was good")]


async def failed(hub: TaskHub, worker: HubWorker, instance: str = "one") -> Episode:
    await start(hub, instance)
    taken = await episode(worker)
    await commit(worker, taken, fail(raised("what was")))
    return taken


async def there(hub: TaskHub, instance: InstanceId = ONE) -> Instance:
    found = await hub.read(instance)
    assert found is not None
    return found


async def to_rewind(
    hub: TaskHub, instance: InstanceId = ONE, *, wake: bool = True, events: Sequence[HistoryEvent] = AGAIN
) -> Rewind:
    found = await there(hub, instance)
    return Rewind(instance, found.execution, found.updated, events, wake)


def answer(event: HistoryEvent, to: Episode) -> Send:
    return Send(to.session.instance, event, execution=to.session.execution)


async def say(hub: TaskHub, worker: HubWorker, *sends: Send) -> None:
    """Another instance sends these."""
    await start(hub, "sender")
    await commit(worker, await episode(worker), append(raised(), sends=sends))


async def test_a_rewound_instance_is_pending_with_its_new_history(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await failed(hub, worker)
        before = await there(hub)
        assert await hub.rewind([await to_rewind(hub)], "again")
        now = await there(hub)
        assert (now.status, now.output, now.execution) == (RuntimeStatus.PENDING, None, before.execution)
        assert (now.created, now.updated > before.updated) == (before.created, True)
        assert await hub.history(ONE) == AGAIN


async def test_it_wakes_with_its_history_and_the_reason_and_can_go_on(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await failed(hub, worker)
        await hub.rewind([await to_rewind(hub)], "again")
        woken = await episode(worker)
        (wake,) = events_of(woken)
        assert isinstance(wake, GenericEvent)
        assert (wake.data, woken.session.past) == ("again", AGAIN)
        settled = await commit(worker, woken, append(wake, status=RUNNING))
        await commit(worker, after(woken, settled), finish())
        assert (await there(hub)).status is RuntimeStatus.COMPLETED
        assert len(await hub.history(ONE)) == 3


async def test_a_worker_that_comes_later_finds_it(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await failed(hub, worker)
    await hub.rewind([await to_rewind(hub)], None)
    async with working(hub, "bob") as worker:
        assert (await episode(worker)).session.past == AGAIN


async def test_the_process_that_had_it_is_woken_from_another(hubs: SqliteHubs) -> None:
    async with working(mine := hubs.open(), "alice") as alice:
        await failed(mine, alice)
        other = hubs.open()
        assert await other.rewind([await to_rewind(other)], None)
        assert (await episode(alice)).session.past == AGAIN


async def test_those_that_are_not_to_wake_wait_for_their_messages(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await failed(hub, worker)
        assert await hub.rewind([await to_rewind(hub, wake=False)], None)
        assert await nothing_comes(worker)
        await hub.send(ONE, raised())
        assert events_of(await episode(worker)) == [raised()]


async def test_what_was_out_before_the_rewind_is_worth_nothing(hub: TaskHub) -> None:
    async with working(hub) as worker:
        old = await failed(hub, worker)
        await hub.rewind([await to_rewind(hub)], None)
        assert await commit(worker, old, append(raised("late"))) == Lost()
        assert await hub.history(ONE) == AGAIN


@pytest.mark.parametrize("other", ["finished", "another execution", "another change", "unknown"])
async def test_all_are_rewound_or_none(hub: TaskHub, other: str) -> None:
    async with working(hub) as worker:
        await failed(hub, worker, "one")
        await failed(hub, worker, "two")
        one, two = await to_rewind(hub), await to_rewind(hub, InstanceId("two"))
        match other:
            case "finished":
                await start(hub, "two")
                await commit(worker, await episode(worker), finish())
                two = await to_rewind(hub, InstanceId("two"))
            case "another execution":
                two = replace(two, execution=ExecutionId("f" * 32))
            case "another change":
                two = replace(two, updated=one.updated)
            case _:
                two = replace(two, instance=InstanceId("nobody"))
        before = await hub.history(ONE)
        assert not await hub.rewind([one, two], None)
        assert (await there(hub)).status is RuntimeStatus.FAILED
        assert await hub.history(ONE) == before
        assert await nothing_comes(worker)


async def test_of_two_rewinds_one_counts(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await failed(hub, worker)
        wanted = await to_rewind(hub)
        outcomes = await asyncio.gather(*(hub.rewind([wanted], str(n)) for n in range(5)))
        assert sorted(outcomes) == [False] * 4 + [True]
        assert len(events_of(await episode(worker))) == 1


async def test_answers_for_a_failed_instance_are_delivered_when_it_is_rewound(hub: TaskHub) -> None:
    entity, child = EventRaised(timestamp=NOW, name="id"), SubOrchestrationInstanceCompleted(timestamp=NOW, task_id=3)
    async with working(hub) as worker:
        old = await failed(hub, worker)
        await say(hub, worker, answer(entity, old), answer(child, old), Send(ONE, raised("not an answer")))
        assert await nothing_comes(worker)
        await hub.rewind([await to_rewind(hub, wake=False)], None)
        assert events_of(await episode(worker)) == [entity, child]


async def test_answers_that_come_while_it_fails_are_kept_as_well(hub: TaskHub) -> None:
    entity = EventRaised(timestamp=NOW, name="id")
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        await say(hub, worker, answer(entity, taken), Send(ONE, raised("not an answer")))
        await commit(worker, taken, fail())
        assert await nothing_comes(worker)
        await hub.rewind([await to_rewind(hub, wake=False)], None)
        assert events_of(await episode(worker)) == [entity]


async def test_kept_answers_go_with_their_instance(hub: TaskHub) -> None:
    async with working(hub) as worker:
        old = await failed(hub, worker)
        await say(hub, worker, answer(EventRaised(timestamp=NOW, name="id"), old))
        await start(hub)
        assert len(events_of(await episode(worker))) == 1, "only the new start"
        assert await hub.purge(ONE)


async def test_a_rewind_whose_reply_was_lost_is_found_done(hubs: SqliteHubs) -> None:
    broken = [False]

    def fault(point: str) -> None:
        if point == "committed" and broken[0]:
            broken[0] = False
            raise OSError("the reply is lost")

    hub = hubs.open(fault=fault)
    async with working(hub) as worker:
        await failed(hub, worker)
        wanted = await to_rewind(hub)
        broken[0] = True
        assert await hub.rewind([wanted], "again")
        assert (await episode(worker)).session.past == AGAIN


async def test_a_rewound_history_is_followed_by_the_episodes_after_it(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        settled = await commit(worker, taken, Outcome(Append([raised("first")]), status=RUNNING))
        settled = await commit(worker, after(taken, settled), append(raised("second")))
        await commit(worker, after(taken, settled), fail())
        history: list[HistoryEvent] = [raised("first"), raised("second")]
        await hub.rewind([await to_rewind(hub, events=history)], None)
        woken = await episode(worker)
        await commit(worker, woken, append(raised("third")))
        await worker.release(ONE)
        await hub.send(ONE, raised())
        assert (await episode(worker)).session.past == [*history, raised("third")]
