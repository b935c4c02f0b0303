"""The entities of the host under test: each notes whatever it hears, in the order of hearing.

A message to one is a dict: ``from`` its sender, ``n`` its number among all that the sender has sent to entities, and
``section`` that of the critical section it was sent in (0: none). Nobody sends the same twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from funchost.durable.entities.ids import EntityKey

__all__ = ["BOOKS", "COUNTER", "JOURNAL", "RELAY", "A", "B", "Book", "C", "D", "Note", "keep", "read_book"]

BOOKS = ("account", "counter", "journal", "relay")

A, B, C, D = (EntityKey("account", key) for key in "abcd")
"""What is in them is changed in critical sections only."""

COUNTER, JOURNAL, RELAY = (EntityKey(name, "one") for name in BOOKS[1:])


@dataclass(frozen=True, slots=True)
class Note:
    """One message that was heard."""

    sender: str
    number: int
    section: int = 0
    later: bool = False


class Book(msgspec.Struct):
    """The state of each of the entities. ``sent`` counts what it has signalled itself."""

    value: int = 0
    heard: list[tuple[str, int, int, bool]] = []
    sent: int = 0

    @property
    def notes(self) -> Sequence[Note]:
        return [Note(*heard) for heard in self.heard]


def keep(context: Any) -> None:
    """The code of every entity."""
    state = context.get_state(_empty)
    given = context.get_input()
    state["heard"].append([given["from"], given["n"], given["section"], given["later"]])
    context.set_state(state)
    match context.operation_name:
        case "note":
            pass
        case "read":
            context.set_result(state["value"])
        case "write":
            state["value"] = given["value"]
        case "add":
            state["value"] += given["value"]
            context.set_result(state["value"])
        case "refuse":
            raise ValueError("refused on purpose")
        case "pass":
            note = {"from": str(RELAY), "n": state["sent"], "section": 0, "later": False}
            context.signal_entity(JOURNAL, "note", note)
            state["sent"] += 1
        case "begin":
            context.start_new("chain", instance_id=given["value"], client_input={"n": 1})
        case other:
            raise AssertionError(other)


def _empty() -> dict[str, Any]:
    return {"value": 0, "heard": [], "sent": 0}


def read_book(state: str | None) -> Book:
    """``state`` is JSON text, None for an entity that has heard nothing."""
    return Book() if state is None else msgspec.json.decode(state, type=Book)
