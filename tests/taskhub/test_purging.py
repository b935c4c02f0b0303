"""The contract of purging: what does not fit its conditions stays, whatever happens meanwhile."""

import asyncio

import pytest

from funchost.durable.status import TERMINAL, RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import HubWorker, Query, StatusChange, TaskHub
from taskhub.acting import append, commit, episode, finish, raised, start, working

ONE = InstanceId("one")


async def ended(
    hub: TaskHub, worker: HubWorker, instance: str, status: RuntimeStatus = RuntimeStatus.COMPLETED
) -> None:
    await start(hub, instance)
    await commit(worker, await episode(worker), append(raised(), status=StatusChange(status)))


async def ids(hub: TaskHub) -> list[str]:
    return [instance.id for instance in (await hub.list(Query())).instances]


async def test_only_an_instance_in_one_of_the_states_is_purged(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        assert not await hub.purge(ONE, statuses=TERMINAL)
        await commit(worker, await episode(worker), finish())
        assert not await hub.purge(ONE, statuses=frozenset({RuntimeStatus.FAILED}))
        assert await hub.purge(ONE, statuses=TERMINAL)
        assert await hub.read(ONE) is None


async def test_only_the_execution_that_was_meant_is_purged(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await ended(hub, worker, "one")
        assert not await hub.purge(ONE, execution=ExecutionId("f" * 32))
        there = await hub.read(ONE)
        assert there is not None
        assert await hub.purge(ONE, execution=there.execution)


async def test_of_many_purges_at_once_one_removes_the_instance(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await ended(hub, worker, "one")
        never = frozenset({RuntimeStatus.RUNNING})
        purges = [hub.purge(ONE, statuses=never), *(hub.purge(ONE) for _ in range(4)), hub.purge(InstanceId("two"))]
        assert await asyncio.gather(*purges) == [False, True, False, False, False, False]


async def test_what_ended_before_a_time_is_purged_the_oldest_first_and_a_few_at_a_time(hub: TaskHub) -> None:
    async with working(hub) as worker:
        for instance in ("c", "b", "a"):
            await ended(hub, worker, instance)
        there = await hub.read(InstanceId("a"))
        assert there is not None
        before = {RuntimeStatus.COMPLETED: there.updated}
        assert await hub.purge_ended(before, most=1) == 1
        assert await ids(hub) == ["a", "b"]
        assert await hub.purge_ended(before, most=10) == 1
        assert await ids(hub) == ["a"], "it ended at that time, not before it"
        assert await hub.purge_ended(before, most=10) == 0


@pytest.mark.parametrize("status", sorted(TERMINAL))
async def test_each_state_has_a_time_of_its_own(hub: TaskHub, status: RuntimeStatus) -> None:
    async with working(hub) as worker:
        for each in TERMINAL:
            await ended(hub, worker, each.value, each)
        await start(hub, "open")
        there = await hub.read(InstanceId("open"))
        assert there is not None
        assert await hub.purge_ended({status: there.updated}, most=10) == 1
        assert status.value not in await ids(hub)
        assert len(await ids(hub)) == 4
