"""Whether code that was resumed did the same as code that was run again from the start.

It does, unless its steps depend on more than the history: on what it kept in memory, on how often it ran, on the
time of the machine.
"""

from collections.abc import Sequence
from dataclasses import fields
from itertools import zip_longest
from typing import Any

from funchost.durable.events import Event
from funchost.durable.step import Step

__all__ = ["difference"]

_STATUS = ("custom_status", "custom_status_changed")
"""A replay sets the custom status again, or leaves that to the first run: only a change of it counts."""


def difference(resumed: Step, replayed: Step) -> str | None:
    """What is not the same, in words without payloads; None when all is."""
    for field in fields(Step):
        ours, theirs = getattr(resumed, field.name), getattr(replayed, field.name)
        if ours != theirs and field.name not in _STATUS:
            return _in_words(field.name, ours, theirs)
    if _status_set(resumed) != _status_set(replayed):
        return "its custom status"
    return None


def _status_set(step: Step) -> tuple[bool, str | None]:
    return (step.custom_status_changed, step.custom_status if step.custom_status_changed else None)


def _in_words(name: str, ours: Any, theirs: Any) -> str:
    if name == "events":
        return _first_difference(ours, theirs)
    return {"activities": "the inputs of its activities", "children": "the inputs of its sub-orchestrations"}.get(
        name, f"its {name.replace('_', ' ')}"
    )


def _first_difference(ours: Sequence[Event], theirs: Sequence[Event]) -> str:
    for one, other in zip_longest(ours, theirs):
        if one != other:
            return f"{_event(one)} when it was resumed, {_event(other)} when it was replayed"
    raise AssertionError("the events are the same")


def _event(event: Event | None) -> str:
    if event is None:
        return "nothing more"
    name = getattr(event, "name", "")
    return f"{type(event).__name__} {event.event_id}" + (f" '{name}'" if name else "")
