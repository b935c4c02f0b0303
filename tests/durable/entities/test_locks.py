"""Several orchestrations want locks on sets of entities, and end at any moment: no two ever hold the same entity,
everybody gets what they ask for, and at the end nothing is locked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.entities.hub import Deliver, Hub, Sender
from durable.entities.playing import counter
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import LOCK_ACQUIRED, RELEASE, LockRef, Release, read_response
from funchost.durable.entities.outbox import Message
from funchost.durable.entities.state import EntityState
from funchost.durable.events import EventRaised
from funchost.ids import InstanceId

ENTITIES = [EntityKey("counter", key) for key in "abcd"]
LOCKERS = ["p", "q", "r", "s"]


class Locker(Sender):
    """Works through lock sets. In each it reads every entity and writes one more back, each a call of its own, so that
    whoever comes in between would lose an addition."""

    def __init__(self, hub: Hub, name: str, holders: dict[EntityKey, str]) -> None:
        super().__init__(hub, name)
        hub.orchestrations[self.id] = self
        self.wanted: list[tuple[EntityKey, ...]] = []
        self.added: list[EntityKey] = []
        self._holders = holders
        self._holding: tuple[EntityKey, ...] = ()
        self._lock_id: str | None = None
        self._awaited: str | None = None
        self._code: Iterator[str] | None = None

    def want(self, entities: frozenset[int]) -> None:
        self.wanted.append(tuple(ENTITIES[n] for n in sorted(entities)))
        if self._code is None:
            self._go_on()

    def end(self) -> None:
        """Whatever it does at the moment; then another run wants what is left.

        Where messages cross, it gets an id of its own: the sorter takes the runs of one id one after the other.
        """
        if self._lock_id is not None:
            self._let_go()
        self._code = None
        self.begin_anew()
        if not self._hub.orderly:
            del self._hub.orchestrations[self.id]
            self.id = InstanceId(self.execution)
            self._hub.orchestrations[self.id] = self
        self._go_on()

    def receive(self, event: EventRaised) -> None:
        if event.name != self._awaited:
            return
        self._awaited = None
        self._result = read_response(event.input).result or "null"
        self._go_on()

    def _go_on(self) -> None:
        if self._code is None and self.wanted:
            self._holding = self.wanted.pop(0)
            self._code = self._section(self._holding)
        if self._code is not None:
            self._awaited = next(self._code, None)
            if self._awaited is None:
                self._code = None
                self._go_on()

    def _section(self, entities: tuple[EntityKey, ...]) -> Iterator[str]:
        lockset = [LockRef(entity.name, entity.key) for entity in entities]
        self._lock_id = self.send(entities[0], op=None, lockset=lockset)
        yield self._lock_id
        assert self._result == LOCK_ACQUIRED
        for entity in entities:
            assert entity not in self._holders, f"{self.id} got {entity} from {self._holders[entity]}"
            self._holders[entity] = self.id
        for entity in entities:
            yield self.send(entity, op="get")
            yield self.send(entity, op="set", input=str(int(self._result) + 1))
            self.added.append(entity)
        self._let_go()

    def _let_go(self) -> None:
        """One release to each entity of the set, whether it is locked or the request is still on its way there."""
        assert self._lock_id is not None
        release = Release(self.id, self._lock_id).to_json()
        for entity in self._holding:
            if self._holders.get(entity) == self.id:
                del self._holders[entity]
            self._hub.post(Message(entity.instance_id, RELEASE, release))
        self._lock_id = None


class Passer(Sender):
    """Somebody without a lock, who only asks; as often as it asked it must be answered."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub, "passer")
        hub.orchestrations[self.id] = self
        self.asked: set[str] = set()
        self.answered: set[str] = set()

    def ask(self, entity: EntityKey) -> None:
        self.asked.add(self.send(entity, op="get"))

    def receive(self, event: EventRaised) -> None:
        self.answered.add(event.name)


@dataclass(frozen=True)
class Want:
    locker: int
    entities: frozenset[int]


@dataclass(frozen=True)
class End:
    locker: int


@dataclass(frozen=True)
class Ask:
    entity: int


Happening = Want | End | Ask | Deliver

HAPPENINGS: st.SearchStrategy[list[Happening]] = st.lists(
    st.one_of(
        *[st.builds(Want, st.integers(0, 3), st.frozensets(st.integers(0, 3), min_size=1))] * 3,
        st.builds(End, st.integers(0, 3)),
        st.builds(Ask, st.integers(0, 3)),
        *[st.builds(Deliver, st.integers(1, 12))] * 3,
    ),
    max_size=40,
)


def entity(context: Any) -> None:
    if context.operation_name == "set":
        context.set_state(context.get_input())
    else:
        counter(context)


@dataclass(frozen=True)
class Ended:
    hub: Hub
    lockers: list[Locker]
    passer: Passer
    holders: dict[EntityKey, str]

    def value(self, key: EntityKey) -> int:
        state = self.hub.entities.get(key, EntityState())
        return json.loads(state.state or "null") or 0


def live(happenings: list[Happening], seed: int, *, orderly: bool) -> Ended:
    hub = Hub(entity, Random(seed), orderly=orderly)
    holders: dict[EntityKey, str] = {}
    lockers = [Locker(hub, name, holders) for name in LOCKERS]
    passer = Passer(hub)
    for happening in happenings:
        match happening:
            case Want():
                lockers[happening.locker].want(happening.entities)
            case End():
                lockers[happening.locker].end()
            case Ask():
                passer.ask(ENTITIES[happening.entity])
            case Deliver():
                happening.on(hub)
    hub.run()
    return Ended(hub, lockers, passer, holders)


def assert_all_is_free_and_done(ended: Ended) -> None:
    assert not ended.holders
    assert all(not locker.wanted and locker._code is None for locker in ended.lockers), "nobody waits for ever"
    assert ended.passer.answered == ended.passer.asked
    for state in ended.hub.entities.values():
        assert (state.locked_by, state.lock_ids, state.queue) == (None, (), ())


many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


@given(HAPPENINGS, st.integers(0, 2**16))
@many
def test_locks_exclude_each_other_and_are_all_given_back(happenings: list[Happening], seed: int):
    ended = live(happenings, seed, orderly=True)
    assert_all_is_free_and_done(ended)
    added = [key for locker in ended.lockers for key in locker.added]
    if not any(isinstance(happening, End) for happening in happenings):
        assert {key: ended.value(key) for key in ENTITIES} == {key: added.count(key) for key in ENTITIES}
    assert all(ended.value(key) >= added.count(key) for key in ENTITIES), "no addition was lost"


@given(HAPPENINGS, st.integers(0, 2**16))
@many
def test_so_they_do_on_a_hub_that_repeats_and_reorders(happenings: list[Happening], seed: int):
    assert_all_is_free_and_done(live(happenings, seed, orderly=False))
