from typing import Any

import httpx
import pytest

from funchost.durable.events import EventRaised, ExecutionStarted, TraceContext
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant
from web.durable.durable_app import ORIGIN, InstantClock, OpenApp

BASE = "/runtime/webhooks/durabletask"
ARGUMENT_ERROR = "One or more of the arguments submitted is incorrect"


def refused(answer: httpx.Response) -> tuple[int, str, str, str]:
    body: dict[str, Any] = answer.json()
    assert list(body) == ["Message", "ExceptionMessage", "ExceptionType", "StackTrace"]
    assert body["StackTrace"] is None
    return answer.status_code, body["Message"], body["ExceptionMessage"], body["ExceptionType"]


async def test_a_start_is_answered_with_the_links_of_the_new_instance(open_app: OpenApp):
    async with open_app() as app:
        answer = await app.public.post(f"{BASE}/orchestrators/hello/a1b2", json={"city": "Oslo"})
        assert answer.status_code == 202
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["retry-after"] == "10"
        links = answer.json()
        assert list(links)[:2] == ["id", "statusQueryGetUri"]
        assert links["id"] == "a1b2"
        assert answer.headers["location"] == links["statusQueryGetUri"]
        assert (
            links["statusQueryGetUri"] == f"{ORIGIN}{BASE}/instances/a1b2?taskHub=TestHub&connection=Storage&code=KEY"
        )
        instance = await app.hub.read(InstanceId("a1b2"))
        assert instance is not None
        assert (instance.name, instance.status, instance.input) == ("Hello", RuntimeStatus.PENDING, '{"city":"Oslo"}')


async def test_without_an_id_one_is_drawn(open_app: OpenApp):
    async with open_app() as app:
        drawn = (await app.public.post(f"{BASE}/Orchestrators/Hello/")).json()["id"]
        assert len(drawn) == 32
        assert int(drawn, 16) >= 0
        assert drawn == drawn.lower()


async def test_the_body_may_have_any_content_type_and_a_blank_one_is_no_input(open_app: OpenApp):
    async with open_app() as app:
        text = {"content-type": "text/plain"}
        await app.public.post(f"{BASE}/orchestrators/Hello/a", content=" ", headers=text)
        await app.public.post(f"{BASE}/orchestrators/Hello/b", content="[1, 2]", headers=text)
        a, b = await app.hub.read(InstanceId("a")), await app.hub.read(InstanceId("b"))
        assert a is not None
        assert b is not None
        assert (a.input, b.input) == (None, "[1,2]")


async def test_bad_json_is_refused_before_the_function_is_looked_up(open_app: OpenApp):
    async with open_app() as app:
        status, message, _, kind = refused(await app.public.post(f"{BASE}/orchestrators/Unknown", content="{"))
        assert (status, message) == (400, "Invalid JSON content")
        assert kind == "Newtonsoft.Json.JsonReaderException"


async def test_an_unknown_function_is_refused_with_the_names_of_the_known_ones(open_app: OpenApp):
    async with open_app() as app:
        assert refused(await app.public.post(f"{BASE}/orchestrators/Nobody")) == (
            400,
            ARGUMENT_ERROR,
            "The function 'Nobody' doesn't exist, is disabled, or is not an orchestrator function. Additional info: "
            "The following are the known orchestrator functions: 'Hello', 'Other'.",
            "System.ArgumentException",
        )


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("@a", "instanceId (Parameter 'Orchestration instance ids must not start with @.')"),
        *(
            (
                segment,
                "instanceId (Parameter 'Orchestration instance ids must not contain /, \\, #, ?, "
                "or control characters.')",
            )
            for segment in ("a%2Fb", "a%5Cb", "a%23b", "a%3Fb", "a%0Ab")
        ),
        ("a" * 257, "Instance ID lengths must not exceed 256 characters."),
    ],
)
async def test_an_id_that_no_instance_can_have_is_refused(open_app: OpenApp, segment: str, text: str):
    async with open_app() as app:
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/{segment}")
        assert refused(answer) == (400, ARGUMENT_ERROR, text, "System.ArgumentException")


async def test_each_segment_is_decoded_once_and_a_plus_stays(open_app: OpenApp):
    async with open_app() as app:
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/a%2541+b%20c")
        assert answer.json()["id"] == "a%41+b c"


async def test_an_instance_that_runs_is_not_replaced(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.RUNNING)
        assert refused(await app.public.post(f"{BASE}/orchestrators/Hello/a")) == (
            500,
            "Something went wrong while processing your request",
            "An Orchestration instance with the status Running already exists.",
            "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
        )


async def test_any_state_can_be_made_replaceable(open_app: OpenApp):
    async with open_app(replacing=frozenset(RuntimeStatus)) as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.RUNNING)
        await app.start("a", name="Other")
        assert (await app.public.get(f"{BASE}/instances/a")).json()["name"] == "Other"


async def test_version_and_trace_of_a_start_reach_the_instance(open_app: OpenApp):
    async with open_app(default_version="1.0") as app:
        trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b"}
        await app.local.post("/durabletask/orchestrators/Hello/a?version=2.0", headers=trace)
        await app.local.post("/durabletask/orchestrators/Hello/b", headers={"traceparent": "nonsense"})
        (a,), (b,) = await app.received("a"), await app.received("b")
        assert isinstance(a, ExecutionStarted)
        assert isinstance(b, ExecutionStarted)
        assert (a.version, a.trace) == ("2.0", TraceContext(trace["traceparent"], "a=b"))
        assert (b.version, b.trace) == ("1.0", None)


async def test_another_task_hub_is_refused(open_app: OpenApp):
    async with open_app() as app:
        status, _, text, _ = refused(await app.public.post(f"{BASE}/orchestrators/Hello?taskHub=Elsewhere"))
        assert (status, "Elsewhere" in text) == (400, True)
        assert (await app.public.post(f"{BASE}/orchestrators/Hello?taskHub=TESTHUB")).status_code == 202


async def test_who_waits_for_an_output_gets_it_as_soon_as_it_is_there(open_app: OpenApp):
    clock = InstantClock()
    async with open_app(clock=clock) as app:

        async def complete() -> None:
            await app.become("a", RuntimeStatus.COMPLETED, '{"n":1}')

        clock.while_asleep = complete
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/a?timeout=10&pollingInterval=2.5")
        assert (answer.status_code, answer.json()) == (200, {"n": 1})
        assert clock.slept == [2.5]


async def test_who_waits_in_vain_gets_the_links_after_one_last_look(open_app: OpenApp):
    clock = InstantClock()
    async with open_app(clock=clock) as app:
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/a?timeout=5&pollingInterval=2")
        assert (answer.status_code, answer.json()["id"]) == (202, "a")
        assert clock.slept == [2, 2, 1]


@pytest.mark.parametrize(
    ("status", "query", "code"),
    [
        (RuntimeStatus.TERMINATED, "", 200),
        (RuntimeStatus.FAILED, "", 200),
        (RuntimeStatus.FAILED, "&returnInternalServerErrorOnFailure=true", 500),
    ],
)
async def test_who_waits_for_an_instance_that_ends_otherwise_gets_its_status(
    open_app: OpenApp, status: RuntimeStatus, query: str, code: int
):
    clock = InstantClock()
    async with open_app(clock=clock) as app:

        async def end() -> None:
            await app.become("a", status, "why")

        clock.while_asleep = end
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/a?timeout=10&pollingInterval=1{query}")
        assert answer.status_code == code
        assert (answer.json()["runtimeStatus"], answer.json()["output"]) == (status.value, "why")


async def test_an_interval_longer_than_the_wait_is_refused_after_the_start(open_app: OpenApp):
    async with open_app() as app:
        answer = await app.public.post(f"{BASE}/orchestrators/Hello/a?timeout=1&pollingInterval=2.5")
        assert refused(answer)[:3] == (
            400,
            ARGUMENT_ERROR,
            "Total timeout 1 should be bigger than retry timeout 2.5",
        )
        assert (await app.public.get(f"{BASE}/instances/a")).status_code == 202


async def test_a_time_out_without_an_interval_is_no_wait(open_app: OpenApp):
    clock = InstantClock()
    async with open_app(clock=clock) as app:
        assert (await app.public.post(f"{BASE}/orchestrators/Hello?timeout=10")).status_code == 202
        assert clock.slept == []


async def test_a_restart_runs_the_same_function_with_the_same_input_under_a_new_id(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a", input_text='"{\\"n\\": 1}"')
        answer = await app.public.post(f"{BASE}/instances/a/restart")
        assert answer.status_code == 202
        assert answer.json()["id"] != "a"
        restarted = await app.hub.read(InstanceId(answer.json()["id"]))
        assert restarted is not None
        assert (restarted.name, restarted.input) == ("Hello", '"{\\"n\\": 1}"')


async def test_a_restart_under_its_own_id_replaces_a_finished_instance_only(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        url = f"{BASE}/instances/a/restart?restartWithNewInstanceId=false"
        assert refused(await app.public.post(url))[2] == (
            "An Orchestration instance with the status Pending already exists."
        )
        await app.become("a", RuntimeStatus.COMPLETED, "1")
        assert (await app.public.post(url)).json()["id"] == "a"
        assert (await app.public.get(f"{BASE}/instances/a")).json()["runtimeStatus"] == "Pending"


async def test_a_restart_of_nothing_is_an_argument_error(open_app: OpenApp):
    async with open_app() as app:
        assert refused(await app.public.post(f"{BASE}/instances/nobody/restart")) == (
            400,
            "InstanceId does not match a valid orchestration instance.",
            "An orchestrastion with the instanceId nobody was not found.",
            "System.ArgumentException",
        )


async def test_a_restart_keeps_tags_and_refuses_entities(open_app: OpenApp):
    async with open_app() as app:
        await app.public.post(f"{BASE}/orchestrators/Hello/a?tag=team=red")
        restarted = (await app.public.post(f"{BASE}/instances/a/restart")).json()["id"]
        instance = await app.hub.read(InstanceId(restarted))
        assert instance is not None
        assert instance.tags == {"team": "red"}
        await app.hub.send(InstanceId("@hello@k"), EventRaised(timestamp=Instant(0), name="op"))
        assert refused(await app.public.post(f"{BASE}/instances/@hello@k/restart"))[:2] == (
            400,
            "InstanceId does not match a valid orchestration instance.",
        )


async def test_a_start_may_replace_what_runs_when_it_says_so(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.RUNNING)
        url = f"{BASE}/orchestrators/Other/a"
        assert (await app.public.post(f"{url}?overridable=nonRunning")).status_code == 500
        assert (await app.public.post(f"{url}?overridable=any")).status_code == 202
        body = (await app.public.get(f"{BASE}/instances/a?showHistory=true")).json()
        assert (body["name"], body["runtimeStatus"], "historyEvents" in body) == ("Other", "Pending", False)


async def test_a_start_may_be_stricter_than_the_app(open_app: OpenApp):
    async with open_app(replacing=frozenset(RuntimeStatus)) as app:
        await app.start("a")
        assert (await app.public.post(f"{BASE}/orchestrators/Hello/a?overridable=NonRunningStates")).status_code == 500


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("scheduledStartTime=tomorrow", "The scheduledStartTime 'tomorrow' is not a date and time"),
        ("tag=red", "The tag 'red' is not a name and a value"),
        ("tag==red", "The tag '=red' is not a name and a value"),
        ("overridable=maybe", "overridable is 'maybe'; it may be any or nonRunning."),
    ],
)
async def test_options_that_cannot_be_understood_start_nothing(open_app: OpenApp, query: str, text: str):
    async with open_app() as app:
        status, message, said, _ = refused(await app.public.post(f"{BASE}/orchestrators/Hello/a?{query}"))
        assert (status, message, said[: len(text)]) == (400, ARGUMENT_ERROR, text)
        assert await app.hub.read(InstanceId("a")) is None
