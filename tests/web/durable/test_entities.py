"""The routes below ``entities``; what a batch stores is written here by hand."""

import json
from typing import Any

import pytest

from funchost.durable.entities.messages import Request, read_request
from funchost.durable.events import EventRaised
from funchost.instant import parse
from funchost.taskhub import Outcome, Snapshot, StatusChange
from web.durable.durable_app import App, OpenApp

ROOT = "/runtime/webhooks/durabletask/entities"


async def requests_to(app: App, instance_id: str) -> list[Request]:
    return [read_request(event.input) for event in await app.received(instance_id) if isinstance(event, EventRaised)]


async def holds(app: App, key: str, state: Any) -> None:
    """The counter of that key exists from now on, with ``state``."""
    assert (await app.public.post(f"{ROOT}/counter/{key}")).status_code == 202
    stored = json.dumps({"exists": True, "state": json.dumps(state), "sorter": {}})
    await app.settle(f"@counter@{key}", Outcome(Snapshot(stored), status=StatusChange(custom_status="{}")))


async def test_a_signal_carries_operation_and_value_and_asks_for_no_answer(open_app: OpenApp) -> None:
    async with open_app() as app:
        answer = await app.public.post(f"{ROOT}/Counter/K?op=add", json={"by": [2]})
        assert (answer.status_code, answer.content) == (202, b"")
        (request,) = await requests_to(app, "@counter@K")
        assert (request.op, request.input, request.signal, request.parent) == ("add", '{"by":[2]}', True, None)


@pytest.mark.parametrize(
    ("content", "media_type", "stored"),
    [
        (b"", "application/json", None),
        (b'"2"', "application/json", '"2"'),
        (b" 7 ", "application/json; charset=utf-8", "7"),
        (b"plain", "text/plain", '"plain"'),
        (b"{}", "application/octet-stream", '"{}"'),
    ],
)
async def test_the_body_of_a_signal_is_json_or_else_text(
    open_app: OpenApp, content: bytes, media_type: str, stored: str | None
) -> None:
    async with open_app() as app:
        await app.public.post(f"{ROOT}/counter/K", content=content, headers={"Content-Type": media_type})
        (request,) = await requests_to(app, "@counter@K")
        assert (request.op, request.input) == ("", stored)


async def test_a_delete_is_the_signal_of_that_name(open_app: OpenApp) -> None:
    async with open_app() as app:
        assert (await app.public.delete(f"{ROOT}/counter/K")).status_code == 202
        (request,) = await requests_to(app, "@counter@K")
        assert (request.op, request.input) == ("delete", None)


async def test_a_signal_without_a_key_goes_to_the_entity_with_the_empty_key(open_app: OpenApp) -> None:
    async with open_app() as app:
        assert (await app.public.post(f"{ROOT}/counter?op=add")).status_code == 202
        assert len(await requests_to(app, "@counter@")) == 1


async def test_a_signal_with_a_time_waits_for_it_in_the_hub(open_app: OpenApp) -> None:
    async with open_app() as app:
        answer = await app.public.post(f"{ROOT}/counter/K?op=add&scheduledTime=2020-01-01T00:00:00Z")
        assert answer.status_code == 202
        (request,) = await requests_to(app, "@counter@K")
        assert request.due_at == parse("2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("", b"", "Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')"),
        (
            "/counter/a%2Fb",
            b"",
            "entityKey (Parameter 'Entity keys must not contain /, \\, #, ?, or control characters.')",
        ),
        (
            "/unknown/k",
            b"",
            "The function 'unknown' doesn't exist, is disabled, or is not an entity function. "
            "Additional info: The following are the known entity functions: 'Counter'.",
        ),
        ("/counter/k", b"{", "Could not parse JSON content: "),
        ("/counter/k?scheduledTime=soon", b"", "The parameter 'scheduledTime' is not a time"),
    ],
)
async def test_a_signal_that_cannot_be_is_refused_with_its_reason(
    open_app: OpenApp, path: str, content: bytes, message: str
) -> None:
    async with open_app() as app:
        headers = {"Content-Type": "application/json"}
        answer = await app.public.post(f"{ROOT}{path}", content=content, headers=headers)
        assert answer.status_code == 400
        assert list(answer.json()) == ["Message"]
        assert answer.json()["Message"].startswith(message)


async def test_the_state_of_an_entity_is_answered_as_json(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "K", {"value": 5})
        answer = await app.public.get(f"{ROOT}/COUNTER/K")
        assert (answer.status_code, answer.json()) == (200, {"value": 5})


async def test_the_empty_key_is_read_as_a_dollar_sign(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "", 3)
        assert (await app.public.get(f"{ROOT}/counter/$")).json() == 3


async def test_a_signal_to_the_key_of_a_dollar_sign_goes_to_that_key(open_app: OpenApp) -> None:
    async with open_app() as app:
        assert (await app.public.post(f"{ROOT}/counter/$?op=add")).status_code == 202
        assert len(await requests_to(app, "@counter@$")) == 1


async def test_what_was_never_set_or_is_only_locked_does_not_exist(open_app: OpenApp) -> None:
    async with open_app() as app:
        assert (await app.public.get(f"{ROOT}/counter/never")).status_code == 404
        await app.public.post(f"{ROOT}/counter/K")
        assert (await app.public.get(f"{ROOT}/counter/K")).status_code == 404
        locked = Outcome(Snapshot('{"lockedBy":"order-17","sorter":{}}'))
        await app.settle("@counter@K", locked)
        assert (await app.public.get(f"{ROOT}/counter/K")).status_code == 404


async def test_the_list_has_the_entities_that_exist_and_their_states_when_asked(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "b", 2)
        await holds(app, "a", 1)
        await app.public.post(f"{ROOT}/counter/empty")
        answer = await app.public.get(f"{ROOT}/counter?fetchState=true")
        assert answer.headers["x-ms-continuation-token"] == ""
        assert [(row["entityId"], row["state"]) for row in answer.json()] == [
            ({"name": "counter", "key": "a"}, 1),
            ({"name": "counter", "key": "b"}, 2),
        ]
        assert [row["state"] for row in (await app.public.get(ROOT)).json()] == [None, None]
        assert (await app.public.get(f"{ROOT}/other")).json() == []


async def test_a_list_goes_on_where_its_token_says(open_app: OpenApp) -> None:
    async with open_app() as app:
        for key in "abc":
            await holds(app, key, key)
        first = await app.public.get(f"{ROOT}?top=2")
        token = first.headers["x-ms-continuation-token"]
        rest = await app.public.get(f"{ROOT}?top=2", headers={"x-ms-continuation-token": token})
        keys = [row["entityId"]["key"] for row in (*first.json(), *rest.json())]
        assert keys == ["a", "b", "c"]
        assert rest.headers["x-ms-continuation-token"] == ""


async def test_a_list_is_narrowed_by_the_time_of_the_last_operation(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "a", 1)
        (row,) = (await app.public.get(ROOT)).json()
        moment = row["lastOperationTime"]
        assert len((await app.public.get(f"{ROOT}?lastOperationTimeFrom={moment}")).json()) == 1
        assert (await app.public.get(f"{ROOT}?lastOperationTimeTo=2020-01-01")).json() == []


async def test_an_entity_is_an_instance_too_and_shows_what_is_stored_of_it(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "K", 5)
        answer = await app.public.get("/runtime/webhooks/durabletask/instances/@counter@K")
        assert answer.status_code == 202
        body = answer.json()
        assert (body["name"], body["runtimeStatus"]) == ("counter", "Running")
        assert body["input"] == {"exists": True, "state": "5", "sorter": {}}
        listed = await app.public.get("/runtime/webhooks/durabletask/instances")
        assert [row["instanceId"] for row in listed.json()] == ["@counter@K"]


async def test_a_damaged_entity_is_told_of_and_does_not_hide_the_others(open_app: OpenApp) -> None:
    async with open_app() as app:
        await holds(app, "a", 1)
        await holds(app, "b", 2)
        await app.public.post(f"{ROOT}/counter/a")
        await app.settle("@counter@a", Outcome(Snapshot("{")))
        assert [row["entityId"]["key"] for row in (await app.public.get(ROOT)).json()] == ["b"]
        answer = await app.public.get(f"{ROOT}/counter/a")
        assert answer.status_code == 500
        assert "not the state of an entity" in answer.json()["ExceptionMessage"]
