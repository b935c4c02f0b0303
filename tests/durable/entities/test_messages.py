"""The wire format of entities, against texts that the .NET engine wrote."""

import json

import pytest

from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import (
    EntityMessageError,
    LockRef,
    Release,
    Request,
    failed,
    read_release,
    read_request,
    read_response,
    scheduled_operation,
    succeeded,
)
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import parse

CALL = (
    '{"op":"add","input":"5","id":"6d8d2b43-6f0f-4a0e-9d0e-0b2f8c5e9a11","parent":"order-17",'
    '"parentExecution":"1c5d","Timestamp":"2025-03-01T12:00:01.5Z","Predecessor":"0001-01-01T00:00:00",'
    '"IsLockRequest":false,"createTrace":false}'
)


def test_a_request_of_the_net_engine_is_read_member_by_member() -> None:
    request = read_request(CALL)
    assert (request.op, request.input, request.parent, request.parent_execution) == ("add", "5", "order-17", "1c5d")
    assert request.wants_answer
    assert not request.is_lock


def test_a_lock_request_names_its_set_and_the_place_in_it() -> None:
    request = Request(
        op=None,
        id="g",
        parent=InstanceId("p"),
        parent_execution=ExecutionId("e"),
        lockset=[LockRef("account", "a"), LockRef("account", "b")],
        pos=1,
    )
    assert request.to_json() == (
        '{"op":null,"id":"g","parent":"p","parentExecution":"e",'
        '"lockset":[{"name":"account","key":"a"},{"name":"account","key":"b"}],"pos":1}'
    )
    assert read_request(request.to_json()) == request


def test_a_signal_wants_no_answer_and_neither_does_a_client() -> None:
    assert not Request(op="add", id="g", signal=True, parent=InstanceId("p")).wants_answer
    assert not Request(op="add", id="g").wants_answer


BEYOND = '{"op":"x","id":"g","due":"9999-12-31T23:59:59-01:00"}'


@pytest.mark.parametrize("text", [None, "", "[]", "3", '{"op":"x"}', '{"op":"x","id":"g","due":"soon"}', BEYOND])
def test_what_is_no_request_is_refused_when_it_is_read(text: str | None) -> None:
    with pytest.raises(EntityMessageError, match="not a request"):
        read_request(text)


def test_the_due_time_of_a_scheduled_operation_is_in_its_name_and_in_its_body() -> None:
    due = parse("2025-03-01T12:00:05.5Z")
    assert scheduled_operation(due) == "op@2025-03-01T12:00:05.5Z"
    assert read_request('{"op":"add","id":"g","due":"2025-03-01T12:00:05.5Z"}').due_at == due


def test_a_release_is_read_as_it_is_written() -> None:
    release = Release(InstanceId("order-17"), "g")
    assert release.to_json() == '{"parent":"order-17","id":"g"}'
    assert read_release(release.to_json()) == release


def test_a_success_has_no_member_that_a_failure_is_known_by() -> None:
    assert json.loads(succeeded('"added"')) == {"result": '"added"'}
    assert read_response(succeeded("7")).result == "7"
    assert read_response(succeeded(None)).error is None


@pytest.mark.parametrize(
    "text",
    [
        failed("boom"),
        '{"result":"\\"boom\\"","exceptionType":"Error"}',
        '{"result":null,"exceptionType":"boom","failureDetails":{"ErrorType":"X","ErrorMessage":"boom"}}',
        '{"result":"boom","exceptionType":"Error"}',
    ],
)
def test_failures_of_every_engine_are_read_to_their_message(text: str) -> None:
    assert read_response(text).error == "boom"


def test_a_time_limit_that_the_reference_host_reports_is_a_failure_of_its_text() -> None:
    text = "Timeout value of 00:02:00 was exceeded by function: Functions.SlowEntity."
    assert read_response(json.dumps({"result": text})).error == text
    assert read_response(succeeded(json.dumps(text))).error is None


def test_the_name_of_an_entity_is_in_lower_case_and_its_key_is_not() -> None:
    assert EntityKey("Counter", "K@1").instance_id == "@counter@K@1"
    assert entity_of("@counter@K@1") == EntityKey("counter", "K@1")
    assert entity_of("@counter@").key == ""


@pytest.mark.parametrize("text", ["counter", "@counter", "@@key", "@", ""])
def test_what_is_no_entity_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the id of an entity"):
        entity_of(text)
