"""Reading that fails: of one stored event, of which only its own instance hears, and of everything for a while."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from funchost.clock import SystemClock
from funchost.durable.events import GenericEvent
from funchost.errors import Unreadable
from funchost.ids import InstanceId
from funchost.taskhub import Committed, Episode
from funchost.taskhub.sqlite.codec import events_blob, read_events
from funchost.taskhub.sqlite.reads import Readers
from taskhub.acting import RUNNING, activity, append, commit, episode, raised, schedule, start, take_all, until, working
from taskhub.conftest import SqliteHubs

ONE, TWO = InstanceId("one"), InstanceId("two")
DAMAGE = [b"", b"\x01", b"\x01[", b'\x01[{"type":"NoSuchEvent"}]', b"\x07[]", b"\x01\xff\xfe"]


def change(path: Path, sql: str, *parameters: object) -> None:
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute(sql, parameters)
    finally:
        connection.close()


@pytest.mark.parametrize("blob", DAMAGE)
def test_damage_has_one_error_whatever_it_is(blob: bytes) -> None:
    with pytest.raises(Unreadable):
        read_events(blob)
    assert read_events(events_blob([raised()])) == [raised()]


async def test_a_message_that_cannot_be_read_is_delivered_as_damage_beside_the_others(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    await start(hub, "one")
    await start(hub, "two")
    change(hubs.path, "UPDATE message SET event = ? WHERE id = (SELECT min(id) FROM message)", b"\x01{}")
    async with working(hub) as worker:
        found = {each.session.instance: each for each in await take_all(worker, Episode, 2)}
    assert found[TWO].damage is None
    assert found[ONE].damage is not None
    assert [type(message.event) for message in found[ONE].messages] == [GenericEvent]


async def test_a_history_that_cannot_be_read_comes_as_far_as_it_can(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    async with working(hub) as worker:
        await start(hub, "one")
        await start(hub, "two")
        for each in await take_all(worker, Episode, 2):
            assert isinstance(await commit(worker, each, append(raised("First"), status=RUNNING)), Committed)
    change(hubs.path, "UPDATE history SET events = ? WHERE position = 1", b"\x01[")
    async with working(hub) as worker:
        await hub.send(ONE, raised())
        await hub.send(TWO, raised())
        found = {each.session.instance: each for each in await take_all(worker, Episode, 2)}
    damaged, sound = sorted(found.values(), key=lambda each: each.damage is None)
    assert damaged.damage is not None
    assert damaged.session.past == []
    assert sound.damage is None
    assert sound.session.past == [raised("First")]


async def test_an_activity_whose_trace_cannot_be_read_runs_without_one(hubs: SqliteHubs) -> None:
    hub = hubs.open()
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
    change(hubs.path, "UPDATE activity SET trace = ?", b"\x01nothing")
    async with working(hub) as worker:
        assert (await activity(worker)).trace is None


class Impatient(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.01))


class FailingReaders:
    """Every read fails, as often as armed."""

    def __init__(self, inner: Readers) -> None:
        self._inner = inner
        self.left = 0

    async def run(self, query: Callable[[sqlite3.Connection], Any]) -> Any:
        if self.left:
            self.left -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return await self._inner.run(query)


async def test_a_read_that_fails_is_tried_again(hubs: SqliteHubs) -> None:
    hub = hubs.open(clock=Impatient())
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised("First"), status=RUNNING))
    failing = hub._readers = FailingReaders(hub._readers)  # type: ignore[assignment]
    async with working(hub) as worker:
        failing.left = 3
        await hub.send(ONE, raised())
        assert (await episode(worker)).session.past == [raised("First")]
        assert failing.left == 0
    hub._readers = failing._inner


async def test_looking_for_work_goes_on_after_a_failed_look(hubs: SqliteHubs) -> None:
    hub, other = hubs.open(), hubs.open()
    failing = hub._readers = FailingReaders(hub._readers)  # type: ignore[assignment]
    async with working(hub) as worker:
        failing.left = 1
        await until(lambda: failing.left == 0)
        await start(other)
        assert (await episode(worker)).session.instance == ONE
    hub._readers = failing._inner
