"""What is stored of an entity."""

import json

import pytest

from durable.entities.playing import NOW, request
from funchost.durable.entities.sorter import Sorter
from funchost.durable.entities.state import EntityState, SpentLock, UnreadableState, read_state, status_json
from funchost.ids import InstanceId
from funchost.instant import isoformat


def test_an_entity_that_nobody_has_heard_of_has_the_empty_state():
    assert read_state(None) == EntityState()
    assert EntityState().to_json() == '{"sorter":{}}'


def test_everything_that_is_written_is_read_again():
    state = EntityState(
        exists=True,
        state='{"value":5}',
        queue=(request("a"), request("b", 1)),
        locked_by=InstanceId("order-17"),
        sorter=Sorter(send_horizon=isoformat(NOW)),
        lock_ids=("g",),
        spent_locks=(SpentLock("h", isoformat(NOW)),),
    )
    assert read_state(state.to_json()) == state
    assert list(json.loads(state.to_json()))[:5] == ["exists", "state", "queue", "lockedBy", "sorter"]


@pytest.mark.parametrize(
    ("text", "exists", "state"),
    [
        ('{"exists":true,"state":"5"}', True, "5"),
        ('{"exists":true}', True, None),
        ('{"state":"5","sorter":{}}', True, "5"),
        ('{"state":"null","sorter":{}}', False, None),
        ('{"state":null}', False, None),
        ('{"exists":false,"state":"5"}', False, None),
        ("{}", False, None),
        ('{"state":"5","unknown":[1]}', True, "5"),
    ],
)
def test_an_entity_exists_if_it_says_so_and_else_if_it_has_a_state(text: str, exists: bool, state: str | None):
    read = read_state(text)
    assert (read.exists, read.state) == (exists, state)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "null",
        "[]",
        '{"state":5}',
        '{"queue":[{"op":"a"}]}',
        '{"sorter":{"ReceiveHorizon":"soon"}}',
        '{"spentLocks":[{"id":"a","until":"soon"}]}',
    ],
)
def test_what_is_no_state_is_refused_with_the_reason(text: str):
    with pytest.raises(UnreadableState, match=r"not the state of an entity: ."):
        read_state(text)


def test_the_status_shows_existence_queue_and_lock_and_leaves_out_what_is_not():
    queue = (request("a"), request("b"))
    full = EntityState(exists=True, state="5", queue=queue, locked_by=InstanceId("order-17"))
    assert status_json(full) == '{"entityExists":true,"queueSize":2,"lockedBy":"order-17"}'
    assert status_json(EntityState()) == "{}"
