"""What a history tells of requests to entities, whichever engine wrote it."""

import pytest

from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import EntityMessageError, LockRef, Release, Request
from funchost.durable.entities.recorded import open_locks, read_recorded
from funchost.durable.events import EventSent, HistoryEvent, TaskScheduled
from funchost.ids import InstanceId
from funchost.instant import Instant

NOW = Instant(0)
IT = InstanceId("it")
A, B, C = (EntityKey("account", key) for key in "abc")


def sent(to: EntityKey, name: str, text: str | None) -> EventSent:
    return EventSent(timestamp=NOW, instance_id=to.instance_id, name=name, input=text)


def lock(*entities: EntityKey, id_: str = "one") -> EventSent:
    refs = [LockRef(each.name, each.key) for each in entities]
    return sent(entities[0], "op", Request(op=None, id=id_, parent=IT, lockset=refs).to_json())


def release(entity: EntityKey, id_: str = "one") -> EventSent:
    return sent(entity, "release", Release(IT, id_).to_json())


def test_a_request_of_the_reference_engine_is_read():
    text = (
        '{"op":null,"id":"0000000a-0001-0002-0304-05060708090a","parent":"locker-1","parentExecution":"c2",'
        '"Timestamp":"2026-11-22T00:52:52.6592027Z","Predecessor":"0001-01-01T00:00:00",'
        '"lockset":[{"name":"Counter","key":"a"},{"name":"counter","key":"B"}],"IsLockRequest":true}'
    )
    request = read_recorded(text)
    assert (request.id, request.op, request.parent) == ("0000000a-0001-0002-0304-05060708090a", None, "locker-1")
    assert request.locked == [EntityKey("counter", "a"), EntityKey("counter", "B")]


@pytest.mark.parametrize("text", [None, "", "null", "[]", '{"op":"add"}', '{"id":1}'])
def test_what_is_no_request_is_refused(text: str | None):
    with pytest.raises(EntityMessageError):
        read_recorded(text)


def test_a_lock_without_releases_is_open_in_all_its_entities():
    assert open_locks([lock(A, B)]) == [(A, Release(IT, "one")), (B, Release(IT, "one"))]


@pytest.mark.parametrize(
    "history",
    [
        [],
        [lock(A, B), release(A), release(B)],
        [lock(A), release(A), lock(A, id_="two"), release(A, "two")],
        [sent(A, "op", Request(op="add", id="one", parent=IT).to_json())],
        [TaskScheduled(timestamp=NOW, name="op")],
    ],
)
def test_what_is_released_or_no_lock_is_not_open(history: list[HistoryEvent]):
    assert open_locks(history) == []


def test_a_release_counts_for_its_own_entity_and_request_only():
    history = [lock(A, B, C), release(B), release(A, "other")]
    assert open_locks(history) == [(A, Release(IT, "one")), (C, Release(IT, "one"))]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '"text"', '{"id":5}'])
@pytest.mark.parametrize("name", ["op", "release"])
def test_damage_beside_a_lock_does_not_hide_it(name: str, text: str | None):
    assert open_locks([sent(A, name, text), lock(A), sent(B, name, text)]) == [(A, Release(IT, "one"))]
