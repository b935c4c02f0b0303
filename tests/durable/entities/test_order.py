"""Whatever a hub does to messages: what one sends to an entity arrives once, and in its order."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.entities.hub import Deliver, Hub, Sender
from funchost.durable import payloads
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import read_response
from funchost.durable.events import EventRaised
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat

ENTITIES = [EntityKey("counter", key) for key in "aAb"]
SENDERS = ["p", "P", "q"]


@dataclass(frozen=True)
class Send:
    """One operation: to be noted, and by ``relay`` to be told to another entity. ``delay_s`` schedules it."""

    sender: int
    target: int
    relay: int | None
    answer: bool
    delay_s: float | None = None


@dataclass(frozen=True)
class Pause:
    seconds: int


@dataclass(frozen=True)
class BeginAnew:
    sender: int


Happening = Send | Deliver | Pause | BeginAnew

SENDS = st.builds(
    Send,
    st.integers(0, 2),
    st.integers(0, 2),
    st.none() | st.integers(0, 2),
    st.booleans(),
    st.none() | st.none() | st.none() | st.floats(0, 5),
)
HAPPENINGS: st.SearchStrategy[list[Happening]] = st.lists(
    st.one_of(
        *[SENDS] * 5,
        *[st.builds(Deliver, st.integers(1, 5))] * 2,
        st.builds(Pause, st.integers(0, 4000)),
        st.builds(BeginAnew, st.integers(0, 2)),
    ),
    max_size=40,
)


def note(context: Any) -> None:
    """Keep what came from whom; pass it on, as one's own, to whom it says."""
    state: dict[str, Any] = context.get_state(dict) or {"notes": [], "told": {}}
    sent = context.get_input()
    state["notes"].append([sent["by"], sent["number"], sent["scheduled"]])
    if sent["relay"] is not None:
        target = ENTITIES[sent["relay"]]
        number = state["told"].get(str(target), 0)
        state["told"][str(target)] = number + 1
        told = {"by": f"@{context.entity_name}@{context.entity_key}", "number": number}
        context.signal_entity(target, "note", {**told, "relay": None, "scheduled": False})
    context.set_state(state)
    context.set_result(sent["number"])


class Asker(Sender):
    """Numbers what it sends to each entity, and keeps the answers."""

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(hub, name)
        hub.orchestrations[self.id] = self
        self.numbers: dict[EntityKey, list[tuple[int, bool]]] = {}
        self.asked: dict[str, int] = {}
        self.answered: dict[str, int] = {}

    def note(self, send: Send) -> None:
        target = ENTITIES[send.target]
        numbers = self.numbers.setdefault(target, [])
        scheduled = send.delay_s is not None
        number = len(numbers)
        value = {"by": self.id, "number": number, "relay": send.relay, "scheduled": scheduled}
        due = Instant(self._hub.now + round((send.delay_s or 0) * TICKS_PER_SECOND))
        numbers.append((number, scheduled))
        request = self.send(
            target,
            op="note",
            signal=not send.answer,
            input=payloads.wrap(payloads.encode(value)),
            due=isoformat(due) if scheduled else None,
        )
        # What answers an earlier run is dropped, and rightly so.
        if send.answer:
            self.asked[request] = number

    def begin_anew(self) -> None:
        super().begin_anew()
        self.asked.clear()
        self.answered.clear()

    def receive(self, event: EventRaised) -> None:
        self.answered[event.name] = json.loads(read_response(event.input).result or "null")


def live(happenings: list[Happening], seed: int, *, orderly: bool) -> tuple[Hub, list[Asker]]:
    hub = Hub(note, Random(seed), orderly=orderly)
    askers = [Asker(hub, name) for name in SENDERS]
    for happening in happenings:
        match happening:
            case Send():
                askers[happening.sender].note(happening)
            case Deliver():
                happening.on(hub)
            case Pause():
                hub.pause(happening.seconds * TICKS_PER_SECOND)
            case BeginAnew():
                # The labels of two runs have nothing to do with each other: what crosses is nobody's promise.
                hub.run()
                askers[happening.sender].begin_anew()
    hub.run()
    return hub, askers


def noted(hub: Hub, entity: EntityKey, by: str) -> list[tuple[int, bool]]:
    state = hub.entities.get(entity)
    if state is None or state.state is None:
        return []
    return [(number, scheduled) for who, number, scheduled in json.loads(state.state)["notes"] if who == by]


def told(hub: Hub, by: EntityKey, to: EntityKey) -> int:
    state = hub.entities.get(by)
    return 0 if state is None or state.state is None else json.loads(state.state)["told"].get(str(to), 0)


def assert_once_and_in_order(hub: Hub, askers: list[Asker]) -> None:
    for entity in ENTITIES:
        for asker in askers:
            sent = asker.numbers.get(entity, [])
            arrived = noted(hub, entity, asker.id)
            assert [n for n in arrived if not n[1]] == [n for n in sent if not n[1]]
            # The scheduled ones have no order, and on a hub that repeats they may come twice.
            assert {n for n in arrived if n[1]} == {n for n in sent if n[1]}
        for other in ENTITIES:
            assert noted(hub, entity, str(other)) == [(n, False) for n in range(told(hub, other, entity))]
    for asker in askers:
        assert asker.answered == asker.asked


many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


@given(HAPPENINGS, st.integers(0, 2**16))
@many
def test_the_sorter_makes_up_for_a_hub_that_repeats_and_reorders(happenings: list[Happening], seed: int):
    hub, askers = live(happenings, seed, orderly=False)
    assert_once_and_in_order(hub, askers)
    assert all(not source.buffered for state in hub.entities.values() for source in state.sorter.received.values())


@given(HAPPENINGS, st.integers(0, 2**16))
@many
def test_an_orderly_hub_needs_no_sorter(happenings: list[Happening], seed: int):
    hub, askers = live(happenings, seed, orderly=True)
    assert_once_and_in_order(hub, askers)
    assert all(len(set(notes := noted(hub, e, a.id))) == len(notes) for e in ENTITIES for a in askers)
    assert all('"sorter":{}' in state.to_json() for state in hub.entities.values())
