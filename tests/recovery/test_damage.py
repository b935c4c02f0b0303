"""What users see of an instance whose stored events cannot be read."""

import sqlite3
from collections.abc import Generator
from typing import Any

import pytest

from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant
from recovery.host import Folder
from recovery.lives import Lives
from recovery.working import Working, working

Code = Generator[Any, Any, Any]


def waiting(context: Any) -> Code:
    return (yield context.wait_for_external_event("Go"))


def parent(context: Any) -> Code:
    try:
        return (yield context.call_sub_orchestrator("waiting", None, "child"))
    except Exception as exc:
        return str(exc)


FLOWS = {"waiting": waiting, "parent": parent}


def damage(folder: Folder, instance: str, *, last: bool) -> None:
    """Its latest history row, or its only one."""
    connection = sqlite3.connect(folder.database)
    try:
        with connection:
            connection.execute(
                "UPDATE history SET events = x'0100' WHERE position = (SELECT max(h.position) FROM history AS h"
                " JOIN instance AS i ON i.execution = h.execution WHERE i.id = ? AND h.episode >= ?)",
                (instance, int(last)),
            )
    finally:
        connection.close()


async def event(here: Working, instance: str, name: str) -> None:
    await here.hub.send(InstanceId(instance), EventRaised(timestamp=Instant(1), name=name, input='"x"'))


async def has_events(here: Working, instance: str, count: int) -> None:
    """Returns when so many are in its history."""
    while len(await here.hub.history(InstanceId(instance))) < count:
        pass


async def has_run_twice(here: Working, instance: str) -> None:
    """Returns when two rows are in its history: one of its start and one of an event."""
    await has_events(here, instance, 3)
    await event(here, instance, "Early")
    await has_events(here, instance, 6)


async def test_an_instance_with_a_damaged_history_fails_and_the_others_go_on(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(folder, FLOWS, {}) as here:
        for name in ("sick", "well"):
            await here.start("waiting", instance=name)
            await has_events(here, name, 3)
    damage(folder, "sick", last=False)
    async with working(folder, FLOWS, {}) as here:
        for name in ("sick", "well"):
            await event(here, name, "Go")
        well, sick = await here.end_of(InstanceId("well")), await here.end_of(InstanceId("sick"))
    assert (well.status, well.output) == (RuntimeStatus.COMPLETED, '"x"')
    assert sick.status is RuntimeStatus.FAILED
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("Instance 'sick' is damaged, and fails: ")
    assert sick.output is not None
    assert sick.output.startswith("What is stored of this instance cannot be read: ")


async def test_the_failure_of_a_damaged_instance_is_told(folder: Folder) -> None:
    lives = Lives()
    async with working(folder, FLOWS, {}) as here:
        await here.start("waiting", instance="sick")
        await has_run_twice(here, "sick")
    damage(folder, "sick", last=True)
    async with working(folder, FLOWS, {}) as here:
        here.worker.orchestrations.observer = lives
        await event(here, "sick", "Go")
        end = await here.end_of(InstanceId("sick"))
    assert lives.told == ["waiting sick Failed"]
    assert lives.reasons == [end.output]


async def test_the_parent_of_a_damaged_child_hears_of_its_failure(folder: Folder) -> None:
    async with working(folder, FLOWS, {}) as here:
        await here.start("parent", instance="above")
        await has_run_twice(here, "child")
    damage(folder, "child", last=True)
    async with working(folder, FLOWS, {}) as here:
        await event(here, "child", "Go")
        above = await here.end_of(InstanceId("above"))
    assert above.status is RuntimeStatus.COMPLETED
    assert "cannot be read" in (above.output or "")
