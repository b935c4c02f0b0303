"""The contract of entities: a first message creates one, and a batch replaces all that is kept of it."""

import asyncio

from funchost.clock import SystemClock
from funchost.durable.entities.messages import OPERATION, RELEASE, LockRef, Release, Request, read_release
from funchost.durable.events import EventRaised, EventSent, HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import (
    Committed,
    Episode,
    HubWorker,
    Instance,
    Lost,
    Outcome,
    Query,
    Send,
    Snapshot,
    StatusChange,
    TaskHub,
)
from taskhub.acting import (
    NOW,
    RUNNING,
    after,
    append,
    commit,
    episode,
    events_of,
    finish,
    nothing_comes,
    raised,
    start,
    take_all,
    working,
)
from taskhub.conftest import SqliteHubs

COUNTER = InstanceId("@counter@K")


def operation(text: str = "{}") -> EventRaised:
    return EventRaised(timestamp=NOW, name="op", input=text)


def keeps(text: str | None, *sends: Send, shows: str = "{}") -> Outcome:
    return Outcome(Snapshot(text), sends=sends, status=StatusChange(custom_status=shows))


async def with_state(hub: TaskHub, worker: HubWorker) -> Instance:
    """The entity after its first batch."""
    await hub.send(COUNTER, operation())
    await commit(worker, await episode(worker), keeps("state"))
    there = await hub.read(COUNTER)
    assert there is not None
    return there


async def test_the_first_message_creates_an_entity_that_runs_from_then_on(hub: TaskHub) -> None:
    await hub.send(COUNTER, operation())
    there = await hub.read(COUNTER)
    assert there is not None
    assert (there.name, there.status, there.input) == ("counter", RuntimeStatus.RUNNING, None)
    async with working(hub) as worker:
        first = await episode(worker)
        assert first.session.past == Snapshot(None)
        assert events_of(first) == [operation()]


async def test_a_batch_replaces_what_is_kept_and_leaves_no_history(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await hub.send(COUNTER, operation())
        first = await episode(worker)
        settled = await commit(worker, first, keeps('{"state":"1"}', shows='{"entityExists":true}'))
        await commit(worker, after(first, settled), keeps('{"state":"2"}'))
        there = await hub.read(COUNTER)
        assert there is not None
        assert (there.input, there.custom_status, there.status) == ('{"state":"2"}', "{}", RuntimeStatus.RUNNING)
        assert await hub.history(COUNTER) == []


async def test_whoever_has_no_session_of_an_entity_gets_its_snapshot(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await with_state(hub, worker)
        await hub.send(COUNTER, operation("2"))
        held = await episode(worker)
        assert held.session.past is None
        await worker.release(COUNTER)
        await commit(worker, held, keeps("next"))
        await hub.send(COUNTER, operation("3"))
        assert (await episode(worker)).session.past == Snapshot("next")


async def test_an_entity_is_handed_over_with_its_snapshot_when_its_worker_leaves(hubs: SqliteHubs) -> None:
    here, there = hubs.open(), hubs.open()
    async with working(here) as worker:
        await here.send(COUNTER, operation())
        await commit(worker, await episode(worker), keeps("state"))
    async with working(there, "bob") as other:
        await there.send(COUNTER, operation("2"))
        assert (await episode(other)).session.past == Snapshot("state")


async def test_a_batch_based_on_an_old_snapshot_is_refused(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await hub.send(COUNTER, operation())
        first = await episode(worker)
        await commit(worker, first, keeps("state"))
        assert await commit(worker, first, keeps("lost")) == Lost()
        there = await hub.read(COUNTER)
        assert there is not None
        assert there.input == "state"


async def test_messages_that_an_episode_sends_to_a_new_entity_come_in_their_order(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        sends = [Send(COUNTER, operation(str(n))) for n in range(20)]
        await commit(worker, await episode(worker), append(raised(), sends=sends))
        first = await episode(worker)
        assert events_of(first) == [operation(str(n)) for n in range(20)]


async def test_an_entity_answers_the_execution_that_asked_and_no_other(hub: TaskHub) -> None:
    async with working(hub) as worker:
        execution = await start(hub)
        asking = await episode(worker)
        await commit(worker, asking, append(raised(), sends=[Send(COUNTER, operation())]))
        answer, stray = (raised("request-1"), raised("request-2"))
        sends = [
            Send(InstanceId("one"), stray, execution=ExecutionId("f" * 32)),
            Send(InstanceId("one"), answer, execution=execution),
        ]
        await commit(worker, await episode(worker), keeps("s", *sends))
        assert events_of(await episode(worker)) == [answer]


async def test_a_scheduled_signal_is_never_early(hub: TaskHub) -> None:
    async with working(hub) as worker:
        due = Instant(SystemClock().now() + TICKS_PER_SECOND // 4)
        await hub.send(COUNTER, operation(), due=due)
        assert await nothing_comes(worker)
        assert len(events_of(await episode(worker))) == 1
        assert SystemClock().now() >= due


async def test_a_purged_entity_comes_back_empty(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await with_state(hub, worker)
        assert await hub.purge(COUNTER)
        await hub.send(COUNTER, operation("2"))
        assert (await episode(worker)).session.past == Snapshot(None)


async def test_senders_that_create_an_entity_together_make_one(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await asyncio.gather(*(hub.send(COUNTER, operation(str(n))) for n in range(30)))
        seen = list[HistoryEvent]()
        while len(seen) < 30:
            one = await episode(worker)
            seen += events_of(one)
            await commit(worker, one, keeps("s"))
        assert sorted(event.input or "" for event in seen if isinstance(event, EventRaised)) == sorted(
            str(n) for n in range(30)
        )
        assert len((await hub.list(Query(entities=True))).instances) == 1


async def test_entities_are_listed_by_the_time_of_their_last_batch(hub: TaskHub) -> None:
    async with working(hub) as worker:
        there = await with_state(hub, worker)
        later = Instant(there.updated + 1)
        assert len((await hub.list(Query(entities=True, updated_from=there.updated))).instances) == 1
        assert not (await hub.list(Query(entities=True, updated_from=later))).instances
        assert not (await hub.list(Query(entities=True, updated_to=Instant(there.updated - 1)))).instances


async def test_what_an_orchestration_sends_at_its_end_reaches_the_entity(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        settled = await commit(worker, await episode(worker), finish(sends=[Send(COUNTER, operation())]))
        assert isinstance(settled, Committed)
        assert events_of(await episode(worker)) == [operation()]
        assert await nothing_comes(worker)


async def test_whoever_takes_the_place_of_a_lock_holder_gives_its_locks_back(hub: TaskHub) -> None:
    request = Request(op=None, id="l", parent=InstanceId("one"), lockset=[LockRef("counter", "K")])
    lock = EventSent(timestamp=NOW, event_id=0, instance_id=COUNTER, name=OPERATION, input=request.to_json())
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(lock, status=RUNNING))
        await start(hub, replacing=frozenset(RuntimeStatus))
        episodes = {each.session.instance: events_of(each) for each in await take_all(worker, Episode, 2)}
        [release] = episodes[COUNTER]
        assert isinstance(release, EventRaised)
        assert (release.name, read_release(release.input)) == (RELEASE, Release(InstanceId("one"), "l"))


async def test_an_idle_entity_is_purged_and_one_that_is_asked_for_something_is_not(hub: TaskHub) -> None:
    async with working(hub) as worker:
        there = await with_state(hub, worker)
        assert not await hub.purge(COUNTER, idle_since=Instant(there.updated - 1))
        await hub.send(COUNTER, operation("2"))
        assert not await hub.purge(COUNTER, idle_since=there.updated)
        await commit(worker, await episode(worker), keeps("next"))
        assert not await hub.purge(COUNTER, idle_since=there.updated)
        assert await hub.purge(COUNTER, idle_since=Instant(SystemClock().now()))
        assert await hub.read(COUNTER) is None
