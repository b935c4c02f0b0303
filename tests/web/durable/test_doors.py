import asyncio
from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest

from funchost.clock import SystemClock
from funchost.durable.status import RuntimeStatus
from funchost.taskhub.client import HubClient
from funchost.web.asgi import Scope
from funchost.web.durable.api import DurableApi
from funchost.web.durable.endpoints import public_app
from web.durable.durable_app import ORIGIN, WEBHOOK, App, OpenApp

PUBLIC = "/runtime/webhooks/durabletask"
ALIAS = "/admin/extensions/DurableTaskExtension"


def another_front(app: App, **options: Any) -> httpx.AsyncClient:
    """The hub of ``app`` behind public routes with other options."""
    api = DurableApi(HubClient(app.hub, SystemClock(), orchestrators={"hello": "Hello"}), SystemClock())
    front = public_app(api, WEBHOOK, **options)
    return httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url=ORIGIN)


async def test_the_public_base_is_found_in_any_case_and_ends_at_a_slash(open_app: OpenApp):
    async with open_app() as app:
        assert (await app.public.get("/Runtime/WebHooks/DurableTask/Instances/")).json() == []
        assert (await app.public.get(f"{PUBLIC}er/instances")).status_code == 404


async def test_a_refused_request_is_answered_with_401_and_nothing_else(open_app: OpenApp):
    async def nobody(scope: Scope, headers: Mapping[str, str]) -> bool:
        return False

    async with open_app() as app, another_front(app, authorise=nobody) as front:
        for base in (PUBLIC, ALIAS):
            answer = await front.get(f"{base}/instances")
            assert (answer.status_code, answer.content) == (401, b"")


async def test_links_lead_to_the_proxy_only_when_it_is_believed(open_app: OpenApp):
    forwarded = {"x-forwarded-host": "front.example, inner", "x-forwarded-proto": "https, http"}
    async with open_app() as app, another_front(app, use_forwarded_host=True) as front:
        believed = await front.post(f"{PUBLIC}/orchestrators/Hello", headers=forwarded)
        assert believed.headers["location"].startswith(f"https://front.example{PUBLIC}/")
        ignored = await app.public.post(f"{PUBLIC}/orchestrators/Hello", headers=forwarded)
        assert ignored.headers["location"].startswith(f"{ORIGIN}{PUBLIC}/")


async def test_a_body_above_the_limit_is_refused_at_the_public_door_only(open_app: OpenApp):
    async with open_app() as app, another_front(app, largest_body=10) as front:
        answer = await front.post(f"{PUBLIC}/orchestrators/Hello", content='"12345678901"')
        assert (answer.status_code, answer.content) == (413, b"")
        assert (await front.post(f"{PUBLIC}/orchestrators/Hello", content='"12345678"')).status_code == 202
        assert (await app.local.post("/durabletask/orchestrators/Hello", content='"1234567890"')).status_code == 202


async def test_the_base_of_1_x_answers_with_its_own_links(open_app: OpenApp):
    async with open_app() as app:
        links = (await app.public.post(f"{ALIAS}/orchestrators/Hello/a")).json()
        assert list(links) == [
            "id",
            "statusQueryGetUri",
            "sendEventPostUri",
            "terminatePostUri",
            "rewindPostUri",
            "purgeHistoryDeleteUri",
        ]
        assert links["terminatePostUri"] == (
            f"{ORIGIN}{ALIAS}/instances/a/terminate?reason={{text}}&taskHub=TestHub&connection=Storage&code=KEY"
        )


async def test_the_base_of_1_x_shows_a_failure_as_500_and_takes_empty_events(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        assert (await app.public.post(f"{ALIAS}/instances/a/raiseEvent/Go")).status_code == 202
        await app.become("a", RuntimeStatus.FAILED, "boom")
        assert (await app.public.get(f"{ALIAS}/instances/a")).status_code == 500


async def test_the_local_door_needs_no_key_and_lists_all_in_one_page(open_app: OpenApp):
    async with open_app() as app:
        await asyncio.gather(*(app.start(f"i{number:03}") for number in range(101)))
        answer = await app.local.get("/durabletask/instances/")
        assert (len(answer.json()), answer.headers["x-ms-continuation-token"]) == (101, "")
        assert len((await app.local.get("/durabletask/instances/?top=5")).json()) == 5
        assert len((await app.public.get(f"{PUBLIC}/instances")).json()) == 100


async def test_links_of_the_local_door_lead_to_its_socket(open_app: OpenApp):
    async with open_app() as app:
        answer = await app.local.post("/durabletask/orchestrators/Hello/a")
        assert answer.headers["location"].startswith(f"http://127.0.0.1:17071{PUBLIC}/instances/a?")
        assert (await app.local.get(f"{PUBLIC}/instances/a")).status_code == 404


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example:17071"}])
async def test_no_web_page_gets_through_the_local_door(open_app: OpenApp, headers: dict[str, str]):
    async with open_app() as app:
        answer = await app.local.post("/durabletask/orchestrators/Hello", headers=headers)
        assert (answer.status_code, answer.content) == (401, b"")


class BrokenHub:
    name = "TestHub"

    async def read(self, *_: object, **__: object) -> None:
        raise RuntimeError("the disk is on fire")


async def test_what_breaks_is_answered_and_logged(caplog: pytest.LogCaptureFixture):
    api = DurableApi(HubClient(cast(Any, BrokenHub()), SystemClock(), orchestrators={}), SystemClock())
    front = public_app(api, WEBHOOK)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url=ORIGIN) as client:
        answer = await client.get(f"{PUBLIC}/instances/a")
    assert (answer.status_code, answer.json()["ExceptionMessage"]) == (500, "the disk is on fire")
    assert answer.json()["Message"] == "Something went wrong while processing your request"
    assert "durable HTTP API failed" in caplog.text
