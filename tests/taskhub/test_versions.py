"""The contract of versions: what is none of a worker's is left for others, and nobody waits behind it."""

import logging

import msgspec
import pytest

from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId, WorkerId
from funchost.taskhub import Episode, Send, TaskHub
from taskhub.acting import NOW, append, child_start, commit, episode, nothing_comes, raised, revoked, start, take_all
from taskhub.conftest import SqliteHubs


def no_twos(version: str) -> str | None:
    return f"version {version} is not for us" if version.startswith("2") else None


ALICE, BOB = WorkerId("alice"), WorkerId("bob")


async def test_an_unfit_instance_is_left_and_the_others_go_on(hub: TaskHub) -> None:
    async with hub.work(ALICE, unfit=no_twos) as worker:
        await start(hub, "unfit", version="2.0")
        await start(hub, "fit", version="1.0")
        assert (await episode(worker)).session.instance == "fit"
        assert await nothing_comes(worker)
    there = await hub.read(InstanceId("unfit"))
    assert there is not None
    assert there.status is RuntimeStatus.PENDING


async def test_many_unfit_instances_do_not_hide_those_behind_them(hub: TaskHub) -> None:
    for number in range(600):
        await start(hub, f"unfit{number}", version=f"2.{number % 3}")
    await start(hub, "fit", version="1.0")
    async with hub.work(ALICE, unfit=no_twos) as worker:
        assert (await episode(worker)).session.instance == "fit"


async def test_another_worker_gets_what_the_first_one_leaves(hubs: SqliteHubs) -> None:
    mine, other = hubs.open(), hubs.open()
    async with mine.work(ALICE, unfit=no_twos) as alice, other.work(BOB) as bob:
        await start(mine, "unfit", version="2.0")
        assert (await episode(bob)).session.instance == "unfit"
        assert await nothing_comes(alice)


async def test_a_worker_that_comes_later_gets_it(hub: TaskHub) -> None:
    async with hub.work(ALICE, unfit=no_twos):
        await start(hub, "unfit", version="2.0")
    async with hub.work(BOB) as bob:
        assert (await episode(bob)).session.instance == "unfit"


async def test_a_new_run_of_another_version_changes_hands(hub: TaskHub) -> None:
    everything = frozenset(RuntimeStatus)
    async with hub.work(ALICE, unfit=no_twos) as worker:
        await start(hub, version="1.0")
        await commit(worker, await episode(worker), append(raised()))
        await start(hub, version="2.0", replacing=everything)
        assert await revoked(worker)
        assert await nothing_comes(worker)
        await start(hub, version="1.1", replacing=everything)
        assert len((await episode(worker)).messages) == 1


async def test_a_child_of_an_unfit_version_is_left_too(hub: TaskHub) -> None:
    async with hub.work(ALICE, unfit=no_twos) as worker:
        await start(hub, "parent")
        parent = await episode(worker)
        child = msgspec.structs.replace(child_start("child", parent.session), version="2.0")
        await commit(worker, parent, append(raised(), sends=[Send(InstanceId("child"), child)]))
        assert await nothing_comes(worker)


async def test_entities_have_no_version(hub: TaskHub) -> None:
    async with hub.work(ALICE, unfit=lambda version: "nothing fits") as worker:
        await hub.send(InstanceId("@counter@a"), EventRaised(timestamp=NOW, name="op", input="{}"))
        assert (await take_all(worker, Episode))[0].session.instance == "@counter@a"


async def test_it_is_said_once_for_a_version(hub: TaskHub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with hub.work(ALICE, unfit=no_twos) as worker:
            for number in range(5):
                await start(hub, f"unfit{number}", version="2.0")
            assert await nothing_comes(worker)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "Instance 'unfit0', and what else is of its version, is left for another host: version 2.0 is not for us"
    )
