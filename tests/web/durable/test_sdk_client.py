"""The SDK's own client against the host: in this process, from other loops, and over the local socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.durable_functions import DurableOrchestrationClient, EntityId, OrchestrationRuntimeStatus

from funchost.durable.entities.messages import read_request
from funchost.durable.events import EventRaised
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import Outcome, Snapshot
from web.durable.connections import Connect, in_process
from web.durable.durable_app import OpenApp


async def test_a_start_keeps_the_second_encoding_of_its_input(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        assert await client.start_new("hello", "a", {"n": 1}) == "a"
        assert len(await client.start_new("Hello")) == 32
        status = await client.get_status("a")
        assert (status.name, status.input_) == ("Hello", '{"n": 1}')
        instance = await app.hub.read(InstanceId("a"))
        assert instance is not None
        assert instance.input == '"{\\"n\\": 1}"'


async def test_ids_go_unescaped_through_the_client(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        assert await client.start_new("Hello", "a b@ø") == "a b@ø"
        assert (await client.get_status("a b@ø")).instance_id == "a b@ø"


async def test_starts_that_are_refused_raise_the_text_of_the_host(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        with pytest.raises(Exception, match="The function 'Nobody' doesn't exist, is disabled"):
            await client.start_new("Nobody")
        await client.start_new("Hello", "a")
        with pytest.raises(Exception, match="An Orchestration instance with the status Pending already exists"):
            await client.start_new("Hello", "a")


async def test_an_unknown_instance_has_a_false_status(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        status = await client.get_status("nobody")
        assert not status
        assert status.runtime_status is None


async def test_a_status_carries_the_history_under_both_names(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a", 1)
        await app.become("a", RuntimeStatus.COMPLETED, '"done"')
        status = await client.get_status("a", show_history=True, show_history_output=True, show_input=True)
        assert status.runtime_status is OrchestrationRuntimeStatus.Completed
        assert status.output == "done"
        assert [row["EventType"] for row in status.history or []] == ["ExecutionStarted"]
        assert vars(status)["historyEvents"] == status.history


async def test_an_event_arrives_as_text_that_holds_json(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await client.raise_event("a", "Go", {"n": 1})
        await client.raise_event("a", "Go")
        events = [event for event in await app.received("a") if isinstance(event, EventRaised)]
        assert [event.input for event in events] == ['"{\\"n\\": 1}"', '"null"']
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.raise_event("nobody", "Go")


async def test_operations_reach_the_instance_and_refusals_the_caller(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await client.suspend("a", "a break & more")
        await client.terminate("a", "enough")
        reasons = [getattr(event, "reason", None) for event in await app.received("a")]
        assert reasons[1:] == ["a break & more", "enough"]
        with pytest.raises(Exception, match="No instance with ID 'nobody' found"):
            await client.terminate("nobody", "")
        with pytest.raises(Exception, match="unexpected status code 500"):
            await client.resume("a", "")
        with pytest.raises(Exception, match="only supported on failed"):
            await client.rewind("a", "again")


@pytest.mark.skipif(not hasattr(DurableOrchestrationClient, "restart"), reason="this release has no restart")
async def test_a_restart_gives_the_links_of_the_new_instance(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        links: Any = await client.restart("a")
        assert links["id"] != "a"
        with pytest.raises(Exception, match="unexpected status code 400"):
            await client.restart("nobody")


async def test_lists_and_purges_work_by_filter(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        for name in ("a1", "a2", "b1"):
            await client.start_new("Hello", name)
        await app.become("a1", RuntimeStatus.COMPLETED)
        await app.become("b1", RuntimeStatus.COMPLETED)
        assert [status.instance_id for status in await client.get_status_all()] == ["a1", "a2", "b1"]
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        completed = [OrchestrationRuntimeStatus.Completed]
        found = await client.get_status_by(hour_ago, datetime.now(UTC) + timedelta(hours=1), completed)
        assert [status.instance_id for status in found] == ["a1", "b1"]
        assert (await client.purge_instance_history("a1")).instances_deleted == 1
        assert (await client.purge_instance_history("a1")).instances_deleted == 0
        assert (await client.purge_instance_history_by(hour_ago)).instances_deleted == 1
        assert (await client.purge_instance_history_by(hour_ago)).instances_deleted == 0


async def test_entities_are_signalled_and_read(open_app: OpenApp, connect: Connect):
    counter = EntityId("Counter", "k@1")
    async with open_app() as app, connect(app) as client:
        assert not (await client.read_entity_state(counter)).entity_exists
        await client.signal_entity(counter, "add", {"by": 2})
        (event,) = await app.received("@counter@k@1")
        assert isinstance(event, EventRaised)
        request = read_request(event.input)
        # Encoded by the SDK and again on its way: what an entity's get_input takes apart.
        assert (request.op, request.input, request.signal) == ("add", json.dumps(json.dumps({"by": 2})), True)


async def test_the_state_of_an_entity_is_a_plain_value(open_app: OpenApp, connect: Connect):
    counter = EntityId("Counter", "k")
    async with open_app() as app, connect(app) as client:
        await client.signal_entity(counter, "add")
        await app.settle("@counter@k", Outcome(Snapshot('{"exists":true,"state":"{\\"value\\": 5}"}')))
        found = await client.read_entity_state(counter)
        assert (found.entity_exists, found.entity_state) == (True, {"value": 5})


async def test_a_signal_to_an_unknown_entity_function_is_refused(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        with pytest.raises(Exception, match="unexpected status code 400"):
            await client.signal_entity(EntityId("Unknown", "k"), "add", 1)


async def test_links_carry_the_origin_of_the_users_request(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        request = func.HttpRequest("GET", "http://localhost:7071/api/start", body=b"")
        response = client.create_check_status_response(request, "a")
        assert response.headers["Location"] == (
            "http://localhost:7071/runtime/webhooks/durabletask/instances/a?taskHub=TestHub&connection=Storage&code=KEY"
        )
        payload = client.create_http_management_payload("a")
        assert next(iter(payload)) == "id"
        assert len(payload) == 9
        assert payload["statusQueryGetUri"].startswith("https://app.example/")


async def test_waiting_gives_the_output_of_a_completed_instance(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.COMPLETED, '{"n":1}')
        request = func.HttpRequest("GET", "http://localhost:7071/api/start", body=b"")
        response = await client.wait_for_completion_or_create_check_status_response(request, "a")
        assert (response.status_code, response.get_body()) == (200, b'{"n": 1}')


async def test_many_starts_at_once_all_succeed(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        ids = await asyncio.gather(*(client.start_new("Hello", client_input=number) for number in range(200)))
        assert len(set(ids)) == 200


async def test_a_client_works_on_a_loop_of_the_users_own(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:

        def in_a_thread() -> str:
            return asyncio.run(client.start_new("Hello", "a"))

        assert await asyncio.to_thread(in_a_thread) == "a"


async def test_an_id_with_a_control_character_is_refused_not_mended(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        with pytest.raises(Exception, match="control characters"):
            await client.start_new("Hello", "a\nb")


ASKED: list[Callable[[Any], Awaitable[Any]]] = [
    lambda client: client.start_new("Hello", "b\ud800"),
    lambda client: client.raise_event("a", "go\ud800", 1),
    lambda client: client.terminate("a", "why\ud800"),
    lambda client: client.rewind("a", "why\ud800"),
    lambda client: client.signal_entity(EntityId("counter", "k"), "op\ud800"),
    lambda client: client.signal_entity(EntityId("counter", "k\ud800"), "op"),
    lambda client: client.read_entity_state(EntityId("counter", "k\ud800")),
    lambda client: client.purge_instance_history("b\ud800"),
]


@pytest.mark.parametrize("ask", ASKED)
async def test_half_of_a_surrogate_pair_is_refused_and_shown(open_app: OpenApp, ask: Callable[[Any], Awaitable[Any]]):
    async with open_app() as app, in_process(app) as client:
        await client.start_new("Hello", "a")
        with pytest.raises(ValueError, match=r"half of a surrogate pair is no Unicode text: '\w+\\ud800'"):
            await ask(client)


async def test_a_client_is_the_sdks_own_class(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        assert isinstance(client, DurableOrchestrationClient)
        # Releases before 1.5 do not know it.
        assert getattr(client, "_function_invocation_id", "i") == "i"
