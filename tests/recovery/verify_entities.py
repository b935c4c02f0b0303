"""What must hold of entities and their locks when everything has completed. Raises AssertionError.

The histories say what was sent to entities, and entities keep what they have heard: both must be the same, each once
and in the order of its sender.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

from funchost.durable import payloads
from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import RELEASE, Request, read_request
from funchost.durable.entities.recorded import open_locks
from funchost.durable.entities.state import EntityState, read_state
from funchost.durable.events import EventRaised, EventSent, GenericEvent, HistoryEvent
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import Query, TaskHub
from recovery.bank import changes_of
from recovery.books import COUNTER, JOURNAL, RELAY, A, B, Book, C, D, Note, read_book
from recovery.population import CLIENT
from recovery.verify import Found, find, input_of

__all__ = ["verify_entities"]

_Sent = Mapping[EntityKey, Sequence[Note]]


async def verify_entities(hub: TaskHub, *, signals: int) -> None:
    """``signals`` is how many the client has sent; of each three, the first was for later."""
    found = await find(hub)
    states = {
        entity_of(instance.id): read_state(instance.input)
        for instance in (await hub.list(Query(entities=True, top=None))).instances
    }
    assert states.keys() == {A, B, C, D, COUNTER, JOURNAL, RELAY}
    books = {entity: read_book(state.state) for entity, state in states.items()}
    for entity, state in states.items():
        _nothing_is_left(entity, state)
    for one in found.values():
        _calls_were_answered(one)
        assert not open_locks(one.history), f"{one.instance.id} has not released: {open_locks(one.history)}"
        _rewound_as_meant(one)
    sent = _sent(found.values(), books[RELAY], signals)
    for entity, book in books.items():
        assert _by_sender(book.notes) == _by_sender(sent[entity]), f"{entity} heard {book.notes}"
    for entity in (A, B, C, D):
        _sections_are_apart(entity, books[entity].notes)
    _values_are_right(found.values(), books)
    _began(found, books[RELAY])


def _nothing_is_left(entity: EntityKey, state: EntityState) -> None:
    assert state.locked_by is None, f"{entity} is locked by {state.locked_by}"
    assert not state.lock_ids, f"{entity} has locks: {state.lock_ids}"
    assert not state.queue, f"{entity} has not heard: {state.queue}"


def _calls_were_answered(one: Found) -> None:
    """Each call and each lock once; those of the terminated at most once."""
    asked = [request.id for _, request in _requests(one.history) if request.wants_answer]
    answers = Counter(event.name for event in one.history if isinstance(event, EventRaised))
    assert len(asked) == len(set(asked))
    assert all(answers[request] <= 1 for request in asked), f"{one.instance.id}: answered more than once: {answers}"
    if one.instance.status is not RuntimeStatus.TERMINATED:
        unanswered = [request for request in asked if not answers[request]]
        assert not unanswered, f"{one.instance.id}: never answered: {unanswered}"


def _rewound_as_meant(one: Found) -> None:
    """Once, if at all: those that failed of ``fragile``, and no others."""
    ends = [e for e in one.history if isinstance(e, GenericEvent) and e.reason == "Rewound: ExecutionCompleted"]
    assert len(ends) == (one.instance.name in ("patient", "organ")), f"{one.instance.id}: {ends}"


def _requests(history: Sequence[HistoryEvent]) -> Sequence[tuple[EventSent, Request]]:
    return [
        (event, read_request(event.input))
        for event in history
        if isinstance(event, EventSent) and event.name != RELEASE
    ]


def _sent(found: Collection[Found], relay: Book, signals: int) -> _Sent:
    """To each entity, in the order of sending of each sender."""
    sent = defaultdict[EntityKey, list[Note]](list)
    for one in found:
        for event, request in _requests(one.history):
            if not request.is_lock:
                given = payloads.decode_input(request.input)
                note = Note(given["from"], given["n"], given["section"], given["later"])
                sent[entity_of(event.instance_id)].append(note)
    sent[JOURNAL] += [Note(str(RELAY), number) for number in range(relay.sent)]
    sent[JOURNAL] += [Note(CLIENT, number, later=number % 3 == 1) for number in range(1, signals + 1)]
    return sent


def _by_sender(notes: Sequence[Note]) -> Mapping[tuple[str, bool], Sequence[Note]]:
    """What is for later has a place in no order."""
    found = defaultdict[tuple[str, bool], list[Note]](list)
    for note in notes:
        found[note.sender, note.later].append(note)
    for (_, later), of_sender in found.items():
        if later:
            of_sender.sort(key=lambda note: note.number)
    return found


def _sections_are_apart(entity: EntityKey, notes: Sequence[Note]) -> None:
    """What was sent in one critical section stands together: nobody else came in between."""
    sections = [section for section, _ in groupby((note.sender, note.section) for note in notes)]
    assert len(sections) == len(set(sections)), f"{entity} was locked for two at once: {sections}"


def _values_are_right(found: Collection[Found], books: Mapping[EntityKey, Book]) -> None:
    expected = Counter[EntityKey]()
    for one in found:
        expected.update(changes_of(one.instance.name, input_of(one.instance)))
    for entity in (C, D):
        expected[entity] += sum(note.sender.endswith("-doomed") for note in books[entity].notes)
    values = {entity: book.value for entity, book in books.items() if book.value}
    assert values == {entity: value for entity, value in expected.items() if value}


def _began(found: Mapping[InstanceId, Found], relay: Book) -> None:
    """What entities have started: by one signal of each that is not for passing on."""
    callers = [instance for instance, one in found.items() if one.instance.name == "caller"]
    assert len(relay.heard) == relay.sent + len(callers)
    for instance in callers:
        assert InstanceId(f"{instance}-begun") in found
