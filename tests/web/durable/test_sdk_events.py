"""What is stored of events that the SDK's client raises, and of others."""

import json
from typing import Any

import httpx
import pytest

from funchost.clock import SystemClock
from funchost.durable.events import EventRaised
from funchost.taskhub.client import HubClient
from funchost.web.durable.api import DurableApi
from funchost.web.durable.endpoints import local_app, public_app
from web.durable.connections import Connect
from web.durable.durable_app import ORIGIN, WEBHOOK, App, OpenApp

VALUES = [
    {"n": [1, None]},
    {},
    "text",
    "",
    '"quoted"',
    "123",
    True,
    False,
    None,
    5,
    0.5,
    [],
    "ø 中 \U0001f40d",
    "\ud800",
]


async def received(app: App) -> list[Any]:
    """The values that the code which waits for the events gets."""
    events = [event for event in await app.received("a") if isinstance(event, EventRaised)]
    return [json.loads(event.input or "null") for event in events]


async def test_events_arrive_as_json_text_unless_the_host_is_told_otherwise(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        for value in VALUES:
            await client.raise_event("a", "Go", value)
        assert await received(app) == [json.dumps(value) for value in VALUES]


async def test_events_arrive_as_their_values_when_they_are_to_be_decoded(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app, decode_sdk_events=True) as client:
        await client.start_new("Hello", "a")
        for value in VALUES:
            await client.raise_event("a", "Go", value)
        await client.raise_event("a", "Go")
        seen = await received(app)
    assert seen == [*VALUES, None]
    assert [type(value) for value in seen] == [type(value) for value in [*VALUES, None]]


@pytest.mark.parametrize("body", ['"text"', '"not { json"', "5", '{"n":1}', '"{\\"n\\": 1}"', '""', '"\\ud800"'])
async def test_events_of_the_public_door_stay_as_they_come(open_app: OpenApp, body: str):
    async with open_app() as app:
        await app.start("a")
        public = public_app(decoding_api(app), WEBHOOK)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(public), base_url=ORIGIN) as caller:
            url = "/runtime/webhooks/durabletask/instances/a/raiseEvent/Go"
            answer = await caller.post(url, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 202
        assert await received(app) == [json.loads(body)]


@pytest.mark.parametrize("body", ['"not { json"', "5", '{"n":1}', '""', '"\\ud800"'])
async def test_what_was_encoded_once_only_stays_as_it_is(open_app: OpenApp, body: str):
    async with open_app() as app:
        await app.start("a")
        local = local_app(decoding_api(app), WEBHOOK, origin="http://127.0.0.1:17071")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(local), base_url="http://127.0.0.1:17071") as caller:
            url = "/durabletask/instances/a/raiseEvent/Go"
            answer = await caller.post(url, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 202
        assert await received(app) == [json.loads(body)]


def decoding_api(app: App) -> DurableApi:
    client = HubClient(app.hub, SystemClock(), orchestrators={"hello": "Hello"})
    return DurableApi(client, SystemClock(), decode_sdk_events=True)
