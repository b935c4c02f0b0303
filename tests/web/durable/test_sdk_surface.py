"""Every method of the SDK's client, in both of the ways that functions get one."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest
from azure.durable_functions import DurableOrchestrationClient, EntityId, OrchestrationRuntimeStatus

from funchost.durable.entities.messages import read_request
from funchost.durable.events import EventRaised, ExecutionResumed, ExecutionStarted, ExecutionSuspended
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import NewInstance, StatusChange
from web.durable.connections import Connect
from web.durable.durable_app import App, OpenApp

REQUEST = func.HttpRequest("GET", "http://front.example:8080/api/start?code=other", body=b"")
LINKS = [
    "id",
    "statusQueryGetUri",
    "sendEventPostUri",
    "terminatePostUri",
    "rewindPostUri",
    "purgeHistoryDeleteUri",
    "restartPostUri",
    "suspendPostUri",
    "resumePostUri",
]


# --- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("instance", ["a b", "ø中🐍", "100%", "a+b", "a&b=c", "(x)!*'~", "a@b", "ä" * 256])
async def test_an_id_is_the_same_wherever_it_is_used(open_app: OpenApp, connect: Connect, instance: str):
    async with open_app() as app, connect(app) as client:
        assert await client.start_new("Hello", instance) == instance
        assert await app.hub.read(InstanceId(instance)) is not None
        assert (await client.get_status(instance)).instance_id == instance
        await client.raise_event(instance, "Go", 1)
        await client.terminate(instance, "enough")
        await app.become(instance, RuntimeStatus.TERMINATED)
        assert (await client.purge_instance_history(instance)).instances_deleted == 1


async def test_an_escape_in_an_id_is_decoded_once(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        assert await client.start_new("Hello", "50%41") == "50A"


async def test_an_empty_id_draws_a_new_one(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        drawn = await client.start_new("Hello", instance_id="")
        assert (len(drawn), drawn) == (32, drawn.lower())


@pytest.mark.parametrize("instance", ["@a", "x" * 257])
async def test_an_id_that_cannot_be_is_refused_with_a_reason(open_app: OpenApp, connect: Connect, instance: str):
    async with open_app() as app, connect(app) as client:
        with pytest.raises(Exception, match=r"must not start with @|must not exceed 256"):
            await client.start_new("Hello", instance)


async def test_an_orchestrator_is_found_by_a_name_of_any_letters_in_any_case(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("my FLOW ø", "a")
        assert (await client.get_status("a")).name == "My Flow Ø"


@pytest.mark.parametrize("value", [{"n": 1}, [], 0, False, "", "text", "ø\ud800", 1.5, None])
async def test_an_input_is_kept_in_both_of_its_encodings(open_app: OpenApp, connect: Connect, value: Any):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a", value)
        instance = await app.hub.read(InstanceId("a"))
        assert instance is not None
        if value is None:
            assert instance.input is None
        else:
            assert json.loads(json.loads(instance.input or "")) == value


async def test_an_input_that_is_no_json_is_the_callers_mistake(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        with pytest.raises(TypeError):
            await client.start_new("Hello", "a", {1, 2})


async def test_a_version_goes_with_the_start(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        if "version" not in DurableOrchestrationClient.start_new.__annotations__:
            pytest.skip("this release knows no versions")
        await client.start_new("Hello", "a", version="2.0 b+c")
        (start,) = await app.received("a")
        assert isinstance(start, ExecutionStarted)
        assert start.version == "2.0 b+c"


# --- looking --------------------------------------------------------------------------------------


async def test_an_input_comes_back_although_it_was_not_asked_for(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a", [1])
        status = await client.get_status("a", show_input=False)
        assert status.input_ == "[1]"


async def test_a_status_shows_what_the_orchestration_made(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.advance("a", StatusChange(RuntimeStatus.COMPLETED, '{"n":[1]}', '"half"'))
        status = await client.get_status("a")
        assert (status.name, status.instance_id, status.runtime_status) == (
            "Hello",
            "a",
            OrchestrationRuntimeStatus.Completed,
        )
        assert (status.output, status.custom_status, status.history) == ({"n": [1]}, "half", None)
        assert abs(status.created_time - datetime.now(UTC)) < timedelta(minutes=1)
        assert list(status.to_json()) == [
            "name",
            "instanceId",
            "createdTime",
            "lastUpdatedTime",
            "output",
            "input",
            "runtimeStatus",
            "customStatus",
            "history",
        ]


async def test_a_list_holds_all_instances_of_a_large_hub(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await asyncio.gather(*(app.start(f"i{number:03}") for number in range(150)))
        assert [status.instance_id for status in await client.get_status_all()] == [f"i{n:03}" for n in range(150)]
        assert len(await client.get_status_by(runtime_status=[OrchestrationRuntimeStatus.Pending])) == 150


async def test_a_list_can_be_narrowed_by_prefix_status_and_time(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        for name in ("a1", "a2", "b1", "b2"):
            await client.start_new("Hello", name)
        await app.become("a1", RuntimeStatus.COMPLETED)
        await app.become("b1", RuntimeStatus.FAILED)

        async def found(**conditions: Any) -> list[str]:
            return [status.instance_id for status in await client.get_status_by(**conditions)]

        completed, failed = OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed
        assert await found() == ["a1", "a2", "b1", "b2"]
        assert await found(runtime_status=[completed, failed]) == ["a1", "b1"]
        assert await found(created_time_from=datetime.now(UTC) + timedelta(hours=1)) == []
        # Without a zone, as most code gives them: UTC.
        assert await found(created_time_to=datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)) == []
        assert await found(
            created_time_to=datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1), runtime_status=[failed]
        ) == ["b1"]


@pytest.mark.parametrize("prefix", ["a", "a ", "ø"])
async def test_a_list_can_be_narrowed_by_the_beginning_of_the_ids(open_app: OpenApp, connect: Connect, prefix: str):
    async with open_app() as app, connect(app) as client:
        if "instance_id_prefix" not in DurableOrchestrationClient.get_status_by.__annotations__:
            pytest.skip("this release knows no prefixes")
        for name in (f"{prefix}1", f"{prefix}2", "b1"):
            await client.start_new("Hello", name)
        found = await client.get_status_by(instance_id_prefix=prefix)
        assert [status.instance_id for status in found] == [f"{prefix}1", f"{prefix}2"]


async def test_entities_are_listed_beside_orchestrations_and_have_a_status(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.hub.start(NewInstance(InstanceId("@counter@Key"), "@counter"), replacing=frozenset())
        assert [status.instance_id for status in await client.get_status_all()] == ["@counter@Key", "a"]
        assert (await client.get_status("@counter@Key")).name == "@counter"


async def test_nobody_is_found_with_a_false_status_that_has_nothing(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        status = await client.get_status("nobody", show_history=True, show_input=True)
        assert not status
        assert (status.name, status.instance_id, status.output, status.created_time) == (None, None, None, None)


# --- messages -------------------------------------------------------------------------------------


async def test_an_event_needs_a_name_and_somebody_to_hear_it(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        with pytest.raises(ValueError, match="non-empty"):
            await client.raise_event("a", "")
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.raise_event("nobody", "Go")
        await app.become("a", RuntimeStatus.COMPLETED)
        with pytest.raises(Exception, match="Instance with ID a is gone: either completed or failed"):
            await client.raise_event("a", "Go")


@pytest.mark.parametrize("name", ["Go on", "ø中", "a%b", "a+b", "a&b"])
async def test_the_name_of_an_event_arrives_as_it_is(open_app: OpenApp, connect: Connect, name: str):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await client.raise_event("a", name)
        (event,) = [event for event in await app.received("a") if isinstance(event, EventRaised)]
        assert event.name == name


async def test_another_task_hub_is_not_asked(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await client.raise_event("a", "Go", 1, task_hub_name="testhub", connection_name="Storage")
        with pytest.raises(Exception, match="application/json"):  # the only 400 that the SDK has words for
            await client.raise_event("a", "Go", 1, task_hub_name="Elsewhere")


@pytest.mark.skipif(not hasattr(DurableOrchestrationClient, "suspend"), reason="this release cannot suspend")
async def test_suspending_and_resuming_send_their_reasons(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await client.suspend("a", "50% & more ø")
        suspended = (await app.received("a"))[-1]
        assert isinstance(suspended, ExecutionSuspended)
        assert suspended.reason == "50% & more ø"


@pytest.mark.skipif(not hasattr(DurableOrchestrationClient, "resume"), reason="this release cannot resume")
async def test_resuming_sends_its_reason(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.SUSPENDED)
        await client.resume("a", "go on, a+b")
        resumed = (await app.received("a"))[-1]
        assert isinstance(resumed, ExecutionResumed)
        assert resumed.reason == "go on, a+b"


async def test_what_is_finished_takes_no_more_orders_and_nobody_minds(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.COMPLETED)
        for order in ("terminate", "suspend", "resume"):
            if hasattr(client, order):
                assert await getattr(client, order)("a", "late") is None
                with pytest.raises(Exception, match="No instance with ID 'nobody' found"):
                    await getattr(client, order)("nobody", "late")


@pytest.mark.skipif(not hasattr(DurableOrchestrationClient, "restart"), reason="this release has no restart")
async def test_a_restart_under_the_same_id_takes_the_place_of_the_old_run(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a", [1])
        await app.become("a", RuntimeStatus.FAILED, "boom")
        links = await client.restart("a", restart_with_new_instance_id=False)
        assert isinstance(links, dict)
        assert links["id"] == "a"
        status = await client.get_status("a")
        assert (status.runtime_status, status.input_) == (OrchestrationRuntimeStatus.Pending, "[1]")


async def test_a_rewind_lets_a_failed_instance_go_on_and_no_other(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        for name, end in (("a", RuntimeStatus.FAILED), ("b", RuntimeStatus.COMPLETED)):
            await client.start_new("Hello", name)
            await app.become(name, end, "the end")
        assert await client.rewind("a", "mended") is None
        assert (await client.get_status("a")).runtime_status is OrchestrationRuntimeStatus.Pending
        with pytest.raises(Exception, match="only supported on failed"):
            await client.rewind("b", "mended")
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.rewind("nobody", "mended")


# --- removing -------------------------------------------------------------------------------------


async def test_a_purge_by_filter_needs_a_beginning_and_obeys_the_statuses(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        for name, end in (("a", RuntimeStatus.COMPLETED), ("b", RuntimeStatus.FAILED)):
            await client.start_new("Hello", name)
            await app.become(name, end)
        hour = timedelta(hours=1)
        failed = [OrchestrationRuntimeStatus.Failed]
        # Older releases leave it to the host to refuse.
        with pytest.raises(Exception, match=r"created_time_from is required|status code 400"):
            await client.purge_instance_history_by(runtime_status=failed)
        purged = await client.purge_instance_history_by(datetime.now(UTC) - hour, datetime.now(UTC) + hour, failed)
        assert purged.instances_deleted == 1
        assert [status.instance_id for status in await client.get_status_all()] == ["a"]


async def test_what_still_runs_is_not_purged(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        with pytest.raises(Exception, match="unexpected status code 500"):
            await client.purge_instance_history("a")
        assert await client.get_status("a")


# --- entities -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 0, "", False, [], {}])
async def test_a_falsy_input_of_a_signal_is_left_out_by_the_sdk(open_app: OpenApp, connect: Connect, value: Any):
    async with open_app() as app, connect(app) as client:
        await client.signal_entity(EntityId("Counter", "k"), "add", value)
        (event,) = await app.received("@counter@k")
        assert isinstance(event, EventRaised)
        assert read_request(event.input).input is None


async def test_the_task_hub_may_be_named_to_whoever_asks_an_entity(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        counter, names = EntityId("Counter", "k"), {"task_hub_name": "testhub", "connection_name": "Storage"}
        await client.signal_entity(counter, "add", 1, **names)
        assert len(await app.received("@counter@k")) == 1
        assert not (await client.read_entity_state(counter, **names)).entity_exists


# --- answers to web requests ----------------------------------------------------------------------


async def test_links_have_the_order_and_the_placeholders_of_the_reference_host(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        links = client.get_client_response_links(None, "a1")
        assert list(links) == LINKS
        assert links["id"] == "a1"
        assert all("INSTANCEID" not in url for url in links.values())
        assert "/instances/a1/raiseEvent/{eventName}?" in links["sendEventPostUri"]
        assert "terminate?reason={text}&" in links["terminatePostUri"]
        assert client.create_http_management_payload("a1") == links


async def test_links_of_a_request_lead_back_to_where_it_came_from(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        links = client.get_client_response_links(REQUEST, "a1")
        del links["id"]
        assert all(url.startswith("http://front.example:8080/runtime/webhooks/durabletask/") for url in links.values())


async def test_a_check_status_response_has_all_links_and_says_when_to_ask(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        response = client.create_check_status_response(REQUEST, "a1")
        links = json.loads(response.get_body())
        assert (response.status_code, list(links)) == (202, LINKS)
        assert dict(response.headers) == {
            "Content-Type": "application/json",
            "Location": links["statusQueryGetUri"],
            "Retry-After": "10",
        }


async def wait(client: Any, **times: int) -> func.HttpResponse:
    return await client.wait_for_completion_or_create_check_status_response(REQUEST, "a", **times)


@pytest.mark.parametrize(
    ("output", "body"),
    [('"done"', b"done"), ("[1]", b"[1]"), ("null", b"null"), ("false", b"false"), ('""', b"")],
)
async def test_waiting_answers_with_the_output_and_leaves_text_bare(
    open_app: OpenApp, connect: Connect, output: str, body: bytes
):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.COMPLETED, output)
        response = await wait(client)
        assert (response.status_code, response.get_body()) == (200, body)
        assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("end", "code"), [(RuntimeStatus.FAILED, 500), (RuntimeStatus.TERMINATED, 200)])
async def test_waiting_answers_with_the_status_of_what_came_to_another_end(
    open_app: OpenApp, connect: Connect, end: RuntimeStatus, code: int
):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", end, "a reason")
        response = await wait(client)
        told = json.loads(response.get_body())
        assert (response.status_code, told["runtimeStatus"], told["output"]) == (code, end.value, "a reason")


async def test_waiting_too_long_answers_with_the_links(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        response = await wait(client, timeout_in_milliseconds=20, retry_interval_in_milliseconds=10)
        assert (response.status_code, json.loads(response.get_body())["id"]) == (202, "a")
        with pytest.raises(Exception, match=r"Total timeout 1 \(ms\) should be bigger than retry timeout 2 \(ms\)"):
            await wait(client, timeout_in_milliseconds=1, retry_interval_in_milliseconds=2)


async def test_waiting_too_long_without_a_request_answers_with_links_to_the_host(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        wait_for = client.wait_for_completion_or_create_check_status_response
        response = await wait_for(None, "a", timeout_in_milliseconds=1, retry_interval_in_milliseconds=1)
        assert json.loads(response.get_body())["statusQueryGetUri"].startswith("https://app.example/")


async def test_what_is_answered_to_a_client_is_its_own_to_change(open_app: OpenApp, connect: Connect):
    async with open_app() as app, connect(app) as client:
        await client.start_new("Hello", "a")
        await app.become("a", RuntimeStatus.COMPLETED, '{"n":1}')
        (await client.get_status("a")).output["n"] = 2
        assert (await client.get_status("a")).output == {"n": 1}


async def test_nothing_of_a_client_is_worth_a_warning(
    open_app: OpenApp, connect: Connect, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING, "funchost"):
        async with open_app() as app, connect(app) as client:
            await client.start_new("Hello", "a")
            await client.get_status("nobody")
            with pytest.raises(Exception, match="doesn't exist"):
                await client.start_new("Nobody")
    assert [record for record in caplog.records if record.name.startswith("funchost")] == []


# --- a host that breaks ---------------------------------------------------------------------------


class BrokenHub:
    name = "TestHub"

    def __getattr__(self, method: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("the disk is on fire")

        return fail


BROKEN = cast(App, SimpleNamespace(hub=BrokenHub()))
COUNTER = EntityId("counter", "k")
RUNNING = [OrchestrationRuntimeStatus.Running]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("start_new", ("Hello",)),
        ("get_status_all", ()),
        ("get_status_by", (None, None, RUNNING)),
        ("purge_instance_history", ("a",)),
        ("purge_instance_history_by", (datetime(2024, 1, 1), None, RUNNING)),
        ("raise_event", ("a", "Go")),
        ("terminate", ("a", "enough")),
        ("suspend", ("a", "a break")),
        ("resume", ("a", "on")),
        ("rewind", ("a", "again")),
        ("restart", ("a",)),
        ("read_entity_state", (COUNTER,)),
        ("signal_entity", (COUNTER, "add")),
    ],
)
async def test_what_breaks_in_the_host_is_raised_to_whoever_asked(connect: Connect, method: str, arguments: Any):
    async with connect(BROKEN) as client:
        if not hasattr(client, method):
            pytest.skip(f"this release has no {method}")
        with pytest.raises(Exception, match=r"500|the disk is on fire"):
            await getattr(client, method)(*arguments)


async def test_a_status_that_cannot_be_read_is_false_and_says_why(connect: Connect):
    async with connect(BROKEN) as client:
        status = await client.get_status("a")
        assert not status
        assert vars(status)["ExceptionMessage"] == "the disk is on fire"
