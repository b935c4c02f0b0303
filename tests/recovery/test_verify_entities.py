"""The check of entities notices what a broken host would leave behind."""

import sqlite3
from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import replace

from funchost.clock import SystemClock
from funchost.durable import payloads
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.state import EntityState, read_state
from funchost.ids import InstanceId
from funchost.taskhub import TaskHub
from recovery.books import COUNTER, JOURNAL, A, Book, C, read_book
from recovery.host import Folder, open_hub
from recovery.population import Population
from recovery.rounds import play_without_a_kill
from recovery.verify_entities import verify_entities


def heard_twice(book: Book) -> None:
    book.heard.insert(3, book.heard[2])


def not_heard(book: Book) -> None:
    del book.heard[-1]


def out_of_order(book: Book) -> None:
    """Of one sender: the first two that it has sent to be heard at once."""
    one, other = [place for place, note in enumerate(book.notes) if note.sender == "client" and not note.later][:2]
    book.heard[one], book.heard[other] = book.heard[other], book.heard[one]


def added_twice(book: Book) -> None:
    book.value += 1


def overlapping(book: Book) -> None:
    """The last of the first section comes after the first of the second."""
    second = next(place for place, note in enumerate(book.notes) if note.sender != book.notes[0].sender)
    book.heard[second - 1], book.heard[second] = book.heard[second], book.heard[second - 1]


async def test_a_doubled_a_lost_a_crossed_message_a_wrong_value_and_a_lock_that_stays_are_noticed(
    folder: Folder,
) -> None:
    hub = open_hub(folder, SystemClock())
    try:
        signals = await _finished(hub, folder)
        await verify_entities(hub, signals=signals)
        for entity, change in [
            (COUNTER, heard_twice),
            (JOURNAL, not_heard),
            (JOURNAL, out_of_order),
            (COUNTER, added_twice),
            (A, overlapping),
        ]:
            await _is_noticed(hub, folder, entity, _of_book(change), signals)
        await _is_noticed(hub, folder, C, lambda state: replace(state, locked_by=InstanceId("gone")), signals)
    finally:
        await hub.close()


async def _finished(hub: TaskHub, folder: Folder) -> int:
    """A population that has come to its end without a kill; how many signals its client has sent."""
    population = Population.draw(hub, Random(1), with_slow=False)
    await play_without_a_kill(population, folder)
    return population.signals


async def _is_noticed(
    hub: TaskHub, folder: Folder, entity: EntityKey, change: Callable[[EntityState], EntityState], signals: int
) -> None:
    instance = await hub.read(entity.instance_id)
    assert instance is not None
    assert instance.input is not None
    _store(folder, entity, change(read_state(instance.input)).to_json())
    with pytest.raises(AssertionError):
        await verify_entities(hub, signals=signals)
    _store(folder, entity, instance.input)


def _of_book(change: Callable[[Book], None]) -> Callable[[EntityState], EntityState]:
    def changed(state: EntityState) -> EntityState:
        book = read_book(state.state)
        change(book)
        return replace(state, state=payloads.encode({"value": book.value, "heard": book.heard, "sent": book.sent}))

    return changed


def _store(folder: Folder, entity: EntityKey, text: str) -> None:
    connection = sqlite3.connect(folder.database)
    try:
        with connection:
            connection.execute(
                "UPDATE execution SET input = ? WHERE key = (SELECT execution FROM instance WHERE id = ?)",
                (text, entity.instance_id),
            )
    finally:
        connection.close()
