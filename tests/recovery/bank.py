"""Orchestrators that use entities: calls, signals, critical sections, and a family that is rewound."""

from datetime import timedelta
from typing import Any

from funchost.durable.entities.ids import EntityKey
from funchost.durable.status import RuntimeStatus
from recovery.books import COUNTER, JOURNAL, RELAY, A, B, C, D
from recovery.steps import Code, Flow, add, gate

__all__ = ["BANK", "CLUMSY", "changes_of"]

CLUMSY = 5
"""What ``clumsy`` adds before it fails."""


class Hand:
    """Sends to entities on behalf of one orchestration, and numbers what it sends."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._sent = 0
        self._section = 0

    def section(self, *entities: EntityKey) -> Any:
        self._section += 1
        return self._context.lock(*entities)

    def call(self, entity: EntityKey, operation: str, value: Any = None) -> Any:
        section = self._section if entity in self._context.locked_entities else 0
        return self._context.call_entity(entity, operation, self._message(value, section))

    def signal(self, entity: EntityKey, operation: str, value: Any = None, *, at: timedelta | None = None) -> None:
        message = self._message(value, 0, later=at is not None)
        self._context.signal_entity(entity, operation, message, at=at)

    def _message(self, value: Any, section: int, *, later: bool = False) -> dict[str, Any]:
        self._sent += 1
        sender = self._context.instance_id
        return {"from": sender, "n": self._sent, "section": section, "later": later, "value": value}


def caller(context: Any) -> Code:
    """Calls and signals, at once and later; one call fails, and one signal begins another orchestration."""
    hand, refused = Hand(context), ""
    for step in range(context.get_input()["n"]):
        yield from gate(context, step)
        hand.signal(RELAY, "pass")
        hand.signal(JOURNAL, "note")
        hand.signal(JOURNAL, "note", at=timedelta(milliseconds=20))
        yield hand.call(COUNTER, "add", 1)
        hand.signal(JOURNAL, "note")
    try:
        yield hand.call(COUNTER, "refuse")
    except Exception as exc:
        refused = str(exc)
    hand.signal(RELAY, "begin", f"{context.instance_id}-begun")
    return refused


def transfer(context: Any) -> Code:
    """Moves 1 from A to B, ``n`` times, in steps between which nobody else may come."""
    hand = Hand(context)
    for step in range(context.get_input()["n"]):
        yield from gate(context, step)
        with (yield hand.section(A, B)):
            there = yield hand.call(B, "read")
            here = yield hand.call(A, "read")
            one = yield from add(context, 0)
            yield context.task_all([hand.call(A, "write", here - one), hand.call(B, "write", there + one)])
    return context.get_input()["n"]


def clumsy(context: Any) -> Code:
    """Fails in its critical section, after a change."""
    hand = Hand(context)
    yield from gate(context, 0)
    with (yield hand.section(B, A)):
        here = yield hand.call(A, "read")
        yield hand.call(A, "write", here + CLUMSY)
        yield context.call_activity("broken", 1)


def doomed(context: Any) -> Code:
    """Holds C and D, or waits for them, until it is terminated."""
    hand = Hand(context)
    with (yield hand.section(C, D)):
        yield hand.call(C, "add", 1)
        yield hand.call(D, "add", 1)
        yield context.wait_for_external_event("never")


def heir(context: Any) -> Code:
    """Gets C and D when nobody else wants them any more."""
    hand = Hand(context)
    for _ in range(context.get_input()["n"]):
        with (yield hand.section(D, C)):
            yield context.task_all([hand.call(C, "add", 1), hand.call(D, "add", 1)])
    return context.get_input()["n"]


def patient(context: Any) -> Code:
    """Fails of its child, and completes once both are rewound."""
    hand = Hand(context)
    yield hand.call(COUNTER, "add", 1)
    given = {"n": 1, "whole": context.instance_id}
    value = yield context.call_sub_orchestrator("organ", given, f"{context.instance_id}-organ")
    yield hand.call(COUNTER, "add", 1)
    return value


def organ(context: Any) -> Code:
    hand = Hand(context)
    yield from _one_more_in_a(hand)
    hand.signal(JOURNAL, "note")
    yield context.call_activity("fragile", context.get_input()["whole"])
    hand.signal(JOURNAL, "note")
    yield from _one_more_in_a(hand)
    return 2


def _one_more_in_a(hand: Hand) -> Code:
    with (yield hand.section(A)):
        here = yield hand.call(A, "read")
        yield hand.call(A, "write", here + 1)


def surgeon(context: Any) -> Code:
    """Rewinds the instance ``whole`` when it has failed, and looks after it until it has completed."""
    while True:
        answer = yield context.call_activity("rewind", context.get_input()["whole"])
        if answer["value"] == RuntimeStatus.COMPLETED.value:
            return answer["value"]
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=20))


def polling(context: Any) -> Code:
    """An activity that is not done, and comes again, ``n`` times."""
    yield from gate(context, 0)
    answer = yield context.call_activity("poll", context.get_input()["n"])
    return answer["value"]


def _n(given: dict[str, Any]) -> int:
    return given["n"]


BANK = {
    "caller": Flow(caller, lambda given: "refused on purpose"),
    "transfer": Flow(transfer, _n),
    "clumsy": Flow(clumsy, lambda given: "broken on purpose", RuntimeStatus.FAILED),
    "doomed": Flow(doomed, lambda given: "enough", RuntimeStatus.TERMINATED),
    "heir": Flow(heir, _n),
    "patient": Flow(patient, lambda given: 2),
    "organ": Flow(organ, lambda given: 2),
    "surgeon": Flow(surgeon, lambda given: "Completed"),
    "polling": Flow(polling, lambda given: 0),
}


def changes_of(flow: str, given: dict[str, Any]) -> dict[EntityKey, int]:
    """By how much an instance has changed the values of entities in the end; of ``doomed``, only they can tell."""
    match flow:
        case "caller":
            return {COUNTER: given["n"]}
        case "transfer":
            return {A: -given["n"], B: given["n"]}
        case "clumsy":
            return {A: CLUMSY}
        case "heir":
            return {C: given["n"], D: given["n"]}
        case "patient":
            return {COUNTER: 2}
        case "organ":
            return {A: 2}
        case _:
            return {}
