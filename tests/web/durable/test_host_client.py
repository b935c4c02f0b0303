"""The client of functions, where it can do more than the SDK's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.durable_functions import EntityId, OrchestrationRuntimeStatus

from funchost.clock import SystemClock
from funchost.durable.entities.messages import read_request
from funchost.durable.events import EventRaised, ExecutionTerminated, GenericEvent
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, from_datetime
from funchost.taskhub import Query
from web.durable.connections import in_process
from web.durable.durable_app import OpenApp


async def test_a_start_takes_a_time_tags_and_a_version(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        await host_client.start_new("Hello", "a", {"n": 1}, "2.0", start_at=timedelta(days=1), tags={"to": "Øre & co"})
        await host_client.start_new("Hello", "b", start_at=datetime(2999, 5, 1))
        a, b = await app.hub.read(InstanceId("a")), await app.hub.read(InstanceId("b"))
        assert a is not None
        assert b is not None
        assert (a.version, a.tags, a.input) == ("2.0", {"to": "Øre & co"}, '"{\\"n\\": 1}"')
        due = (a.scheduled_start or 0) - SystemClock().now()
        assert 86_000 < due / TICKS_PER_SECOND <= 86_400
        assert b.scheduled_start == from_datetime(datetime(2999, 5, 1, tzinfo=UTC))
        status = await client.get_status("a")
        assert (status.runtime_status, vars(status)["tags"]) == (
            OrchestrationRuntimeStatus.Pending,
            {"to": "Øre & co"},
        )


async def test_a_start_may_replace_what_runs(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        await host_client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.RUNNING)
        with pytest.raises(Exception, match="already exists"):
            await host_client.start_new("Hello", "a")
        assert await host_client.start_new("Hello", "a", overridable="any") == "a"
        assert (await client.get_status("a")).runtime_status is OrchestrationRuntimeStatus.Pending


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": {"n": 1}},
        {"tags": {"": "x"}},
        {"tags": {"a=b": "x"}},
        {"tags": {"a": "\ud800"}},
        {"start_at": "soon"},
        {"version": "\ud800"},
    ],
)
async def test_options_that_are_none_raise_before_anything_is_asked(open_app: OpenApp, wrong: dict[str, Any]):
    async with open_app() as app, in_process(app) as client:
        with pytest.raises(ValueError, match=r"tags|start_at|version"):
            await client.start_new("Hello", "a", **wrong)
        assert not await client.get_status("a")


async def test_what_cannot_be_serialised_is_named_where_the_client_is_called(open_app: OpenApp):
    value = {"items": [1, {"when": object()}]}
    async with open_app() as app, in_process(app) as client:
        await client.start_new("Hello", "a")
        for what, call in (
            ("client_input", lambda: client.start_new("Hello", "b", value)),
            ("event_data", lambda: client.raise_event("a", "go", value)),
            ("operation_input", lambda: client.signal_entity(EntityId("counter", "k"), "add", value)),
        ):
            with pytest.raises(TypeError) as caught:
                await call()
            assert str(caught.value).startswith(f"{what}['items'][1]['when']: ")
        assert await app.hub.read(InstanceId("b")) is None


async def test_many_starts_with_options_at_once_keep_them_apart(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        starts = [host_client.start_new("Hello", f"a{n}", tags={"n": str(n)} if n % 2 else None) for n in range(40)]
        await asyncio.gather(*starts)
        listed = (await app.hub.list(Query())).instances
        assert {one.id: one.tags for one in listed} == {f"a{n}": {"n": str(n)} if n % 2 else None for n in range(40)}


async def test_a_terminate_may_be_for_the_whole_family(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        await client.start_new("Hello", "a")
        await host_client.terminate("a", "one & all", recurse=True)
        await host_client.terminate("a", "alone")
        ends = [event for event in await app.received("a") if isinstance(event, ExecutionTerminated)]
        assert [(end.reason, end.recurse) for end in ends] == [("one & all", True), ("alone", False)]


async def test_instances_are_listed_by_tags(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        for name, team in (("a1", "red"), ("a2", "blue"), ("b1", "red")):
            await host_client.start_new("Hello", name, tags={"team": team})

        async def ids(**given: Any) -> list[str]:
            return [status.instance_id for status in await host_client.get_status_by(**given)]

        assert await ids(tags={"team": "red"}) == ["a1", "b1"]
        assert await ids(tags={"team": "red"}, instance_id_prefix="a") == ["a1"]


async def test_a_rewind_keeps_a_reason_of_any_text(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.FAILED, "boom")
        await client.rewind("a", "fixed & deployed #3")
        (woken,) = await app.received("a")
        assert isinstance(woken, GenericEvent)
        assert woken.data == "fixed & deployed #3"
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.rewind("nobody", "x")


async def test_a_signal_may_be_for_a_later_time(open_app: OpenApp):
    async with open_app() as app, in_process(app) as client:
        host_client: Any = client
        await host_client.signal_entity(EntityId("Counter", "k"), "add", 1, at=timedelta(milliseconds=200))
        (signal,) = await app.received("@counter@k")
        assert isinstance(signal, EventRaised)
        request = read_request(signal.input)
        assert (request.op, request.due_at is not None) == ("add", True)
        assert SystemClock().now() >= (request.due_at or 0)
