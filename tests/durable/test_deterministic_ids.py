"""Ids that come out the same on every replay, and on the official host."""

from datetime import UTC, datetime
from uuid import UUID

from funchost.durable.deterministic_ids import child_execution_id, new_guid, new_uuid, request_id
from funchost.ids import ExecutionId, InstanceId

IT = InstanceId("it")
NOW = datetime(2024, 1, 1, 12, 0, 1, tzinfo=UTC)


def test_ids_are_the_known_ones():
    assert new_uuid(IT, NOW, 0) == "e1a1fd0a-f359-5821-84b9-6e96d094a53b"
    assert new_guid(IT, NOW, 1) == UUID("231e0b71-0e61-59fd-adfb-f3264950f265")


def test_ids_differ_by_instance_time_and_counter():
    later = NOW.replace(second=2)
    ids = {new_uuid(*key) for key in ((IT, NOW, 0), (IT, NOW, 1), (IT, later, 0), (InstanceId("other"), NOW, 0))}
    assert len(ids) == 4


def test_a_child_s_execution_follows_from_its_parent_s_and_its_number():
    one, two = ExecutionId("1" * 32), ExecutionId("2" * 32)
    assert child_execution_id(one, 0) == child_execution_id(one, 0)
    assert len({child_execution_id(*key) for key in ((one, 0), (one, 1), (two, 0))}) == 3
    assert len(child_execution_id(one, 0)) == 32


def test_requests_to_entities_have_names_of_their_own_the_same_every_time():
    one, two = ExecutionId("1" * 32), ExecutionId("2" * 32)
    names = {request_id(execution, number) for execution in (one, two) for number in range(3)}
    assert len(names) == 6
    assert request_id(one, 0) in names
    assert all(str(UUID(name)) == name for name in names)
