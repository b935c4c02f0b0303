from typing import Any

import httpx
import pytest

from funchost.durable.events import (
    EventRaised,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    TaskCompleted,
    TaskScheduled,
)
from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant, parse
from funchost.taskhub import StatusChange
from web.durable.durable_app import ORIGIN, OpenApp

BASE = "/runtime/webhooks/durabletask"
INSTANCES = f"{BASE}/instances"
AT: Instant = parse("2024-05-01T10:00:00.1234567Z")
JSON = {"content-type": "application/json"}
FINISHED = [RuntimeStatus.COMPLETED, RuntimeStatus.FAILED, RuntimeStatus.CANCELED, RuntimeStatus.TERMINATED]


def is_empty(answer: httpx.Response, status: int) -> bool:
    return answer.status_code == status and answer.content == b"" and "content-type" not in answer.headers


def fault(answer: httpx.Response) -> tuple[int, str, str]:
    body: dict[str, Any] = answer.json()
    return answer.status_code, body["ExceptionType"], body["ExceptionMessage"]


async def test_an_unknown_instance_has_no_status(open_app: OpenApp):
    async with open_app() as app:
        assert is_empty(await app.public.get(f"{INSTANCES}/nobody"), 404)


async def test_an_open_instance_says_where_and_when_to_ask_again(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a b", input_text='{"city":"Oslo"}')
        url = f"{ORIGIN}{INSTANCES}/a%20b/?code=KEY&showInput=TRUE"
        answer = await app.public.get(url)
        assert (answer.status_code, answer.headers["location"], answer.headers["retry-after"]) == (202, url, "5")
        body = answer.json()
        assert list(body) == [
            "name",
            "instanceId",
            "runtimeStatus",
            "input",
            "customStatus",
            "output",
            "createdTime",
            "lastUpdatedTime",
        ]
        assert body["input"] == {"city": "Oslo"}
        assert (body["customStatus"], body["output"]) == (None, None)
        assert len(body["createdTime"]) == len("2024-05-01T10:00:00Z")
        assert body["createdTime"].endswith("Z")


async def test_the_input_is_shown_unless_it_is_declined(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a", input_text='"{\\"n\\": 1}"')
        assert (await app.public.get(f"{INSTANCES}/a")).json()["input"] == '{"n": 1}'
        assert (await app.public.get(f"{INSTANCES}/a?showInput=false")).json()["input"] is None


async def test_a_finished_instance_shows_its_output_and_no_links(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.advance("a", StatusChange(RuntimeStatus.COMPLETED, '["Hi"]', '{"step":3}'))
        answer = await app.public.get(f"{INSTANCES}/a")
        assert (answer.status_code, "location" in answer.headers) == (200, False)
        assert (answer.json()["output"], answer.json()["customStatus"]) == (["Hi"], {"step": 3})


async def test_a_failure_is_200_unless_it_is_asked_for_as_500(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.FAILED, "Orchestrator function 'Hello' failed: boom")
        answer = await app.public.get(f"{INSTANCES}/a")
        assert (answer.status_code, answer.json()["output"]) == (200, "Orchestrator function 'Hello' failed: boom")
        answer = await app.public.get(f"{INSTANCES}/a?returnInternalServerErrorOnFailure=true")
        assert (answer.status_code, answer.json()["runtimeStatus"]) == (500, "Failed")


async def test_the_history_is_there_when_asked_for_and_once_there_is_one(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a", input_text="1")
        assert "historyEvents" not in (await app.public.get(f"{INSTANCES}/a?showHistory=true")).json()
        await app.advance(
            "a",
            StatusChange(RuntimeStatus.COMPLETED, '"done"'),
            TaskScheduled(timestamp=AT, event_id=0, name="SayHi"),
            TaskCompleted(timestamp=AT, task_id=0, result='"Hi"'),
            ExecutionCompleted(timestamp=AT, event_id=1, status=RuntimeStatus.COMPLETED, result='"done"'),
        )
        assert "historyEvents" not in (await app.public.get(f"{INSTANCES}/a")).json()
        url = f"{INSTANCES}/a?showHistory=true&showHistoryOutput=true"
        body = (await app.public.get(url)).json()
        assert [row["EventType"] for row in body["historyEvents"]] == [
            "ExecutionStarted",
            "TaskCompleted",
            "ExecutionCompleted",
        ]
        assert [row.get("Input", "absent") for row in body["historyEvents"]] == ["1", None, "absent"]
        assert [row.get("Result") for row in body["historyEvents"]] == [None, "Hi", "done"]
        bare = (await app.public.get(f"{INSTANCES}/a?showHistory=true&showInput=false")).json()
        assert all("Input" not in row and "Result" not in row for row in bare["historyEvents"])


async def test_a_listing_comes_in_pages_with_a_token_between_them(open_app: OpenApp):
    async with open_app() as app:
        for instance_id in ("a1", "a2", "a3", "b1"):
            await app.start(instance_id, input_text="1")
        seen: list[str] = []
        token = ""
        for _ in range(4):
            answer = await app.public.get(
                f"{INSTANCES}?top=2&instanceIdPrefix=a&showInput=false", headers={"x-ms-continuation-token": token}
            )
            assert answer.status_code == 200
            assert all(row["input"] is None and "historyEvents" not in row for row in answer.json())
            seen += [row["instanceId"] for row in answer.json()]
            token = answer.headers["x-ms-continuation-token"]
            if not token:
                break
        assert seen == ["a1", "a2", "a3"]


async def test_a_token_may_stand_for_an_id_that_no_header_can_hold(open_app: OpenApp):
    async with open_app() as app:
        await app.start("%E6%9D%B1%20%25")
        await app.start("%E6%9D%B1%EF%BC%81")
        token = (await app.public.get(f"{INSTANCES}?top=1")).headers["x-ms-continuation-token"]
        answer = await app.public.get(f"{INSTANCES}?top=1", headers={"x-ms-continuation-token": token})
        assert [row["instanceId"] for row in answer.json()] == ["東！"]


async def test_a_link_leads_to_its_instance_whatever_its_id(open_app: OpenApp):
    async with open_app() as app:
        links = (await app.public.post(f"{BASE}/orchestrators/Hello/a+b%20c%2541~%C3%A9:(1)")).json()
        assert (await app.public.get(links["statusQueryGetUri"])).json()["instanceId"] == "a+b c%41~é:(1)"


async def test_a_listing_filters_by_status_and_time(open_app: OpenApp):
    async with open_app() as app:
        for instance_id, status in (("a", RuntimeStatus.COMPLETED), ("b", RuntimeStatus.RUNNING)):
            await app.start(instance_id)
            await app.become(instance_id, status)

        async def ids(query: str) -> list[str]:
            return [row["instanceId"] for row in (await app.public.get(f"{INSTANCES}/?{query}")).json()]

        assert await ids("runtimeStatus=Running,Failed") == ["b"]
        assert await ids("runtimeStatus=running") == ["a", "b"]
        assert await ids("createdTimeFrom=2999-01-01") == []
        assert await ids("createdTimeFrom=2001-01-01&createdTimeTo=2999-01-01T00:00:00Z") == ["a", "b"]


async def test_purging_an_instance_removes_it_once(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.COMPLETED)
        answer = await app.public.delete(f"{INSTANCES}/a")
        assert (answer.status_code, answer.json()) == (200, {"instancesDeleted": 1})
        assert is_empty(await app.public.delete(f"{INSTANCES}/a"), 404)


async def test_an_orchestration_that_is_not_finished_is_not_purged(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        assert fault(await app.public.delete(f"{INSTANCES}/a"))[:2] == (500, "System.InvalidOperationException")
        assert await app.hub.read(InstanceId("a")) is not None


async def test_purging_by_filter_removes_what_is_finished_only(open_app: OpenApp):
    async with open_app() as app:
        for instance_id, status in (
            ("a", RuntimeStatus.COMPLETED),
            ("b", RuntimeStatus.FAILED),
            ("c", RuntimeStatus.RUNNING),
        ):
            await app.start(instance_id)
            await app.become(instance_id, status)
        since = f"{INSTANCES}?createdTimeFrom=2001-01-01"
        assert (await app.public.delete(f"{since}&runtimeStatus=Failed")).json() == {"instancesDeleted": 1}
        assert (await app.public.delete(f"{since}&runtimeStatus=Running")).json() == {"instancesDeleted": 1}
        assert is_empty(await app.public.delete(since), 404)
        assert [row["instanceId"] for row in (await app.public.get(INSTANCES)).json()] == ["c"]


async def test_purging_by_filter_needs_a_first_moment(open_app: OpenApp):
    async with open_app() as app:
        answer = await app.public.delete(f"{INSTANCES}?createdTimeTo=2999-01-01")
        assert answer.status_code == 400
        assert answer.content == b"\"Please provide value for 'createdTimeFrom' parameter.\""


async def test_an_event_reaches_the_instance_as_it_was_encoded(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.RUNNING)
        url = f"{INSTANCES}/a/RaiseEvent"
        bodies = {"Plain%20One": '{ "n": 1 }', "Encoded": '"{\\"n\\": 1}"', "None": "null"}
        for name, body in bodies.items():
            charset = {"content-type": "application/json; charset=utf-8"}
            assert is_empty(await app.public.post(f"{url}/{name}", content=body, headers=charset), 202)
        events = [event for event in await app.received("a") if isinstance(event, EventRaised)]
        assert [(event.name, event.input) for event in events] == [
            ("Plain One", '{"n":1}'),
            ("Encoded", '"{\\"n\\": 1}"'),
            ("None", "null"),
        ]


async def test_an_event_must_be_json_and_say_so(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        url = f"{INSTANCES}/a/raiseEvent/Go"
        answer = await app.public.post(url, content="1", headers={"content-type": "text/plain"})
        assert answer.status_code == 400
        assert answer.content == b'{"Message":"Only application/json request content is supported"}'
        for body in ("", "{"):
            answer = await app.public.post(url, content=body, headers=JSON)
            assert (answer.status_code, answer.json()["Message"]) == (400, "Invalid JSON content")


@pytest.mark.parametrize("status", FINISHED)
@pytest.mark.parametrize("operation", ["raiseEvent/Go", "terminate", "suspend", "resume"])
async def test_a_finished_instance_takes_no_message_whatever_it_says(
    open_app: OpenApp, operation: str, status: RuntimeStatus
):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", status)
        assert is_empty(await app.public.post(f"{INSTANCES}/a/{operation}", content="{"), 410)


@pytest.mark.parametrize("operation", ["raiseEvent/Go", "terminate", "suspend", "resume", "rewind"])
async def test_an_unknown_instance_takes_no_message(open_app: OpenApp, operation: str):
    async with open_app() as app:
        assert is_empty(await app.public.post(f"{INSTANCES}/nobody/{operation}"), 404)


async def test_terminate_suspend_and_resume_send_their_reason(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.RUNNING)
        assert is_empty(await app.public.post(f"{INSTANCES}/a/suspend?reason=a+break"), 202)
        assert is_empty(await app.public.post(f"{INSTANCES}/a/TERMINATE?reason=enough%2B"), 202)
        (suspended, terminated) = await app.received("a")
        assert isinstance(suspended, ExecutionSuspended)
        assert isinstance(terminated, ExecutionTerminated)
        assert (suspended.reason, terminated.reason) == ("a break", "enough+")


async def test_only_a_suspended_instance_is_resumed_and_only_another_is_suspended(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        assert fault(await app.public.post(f"{INSTANCES}/a/resume")) == (
            500,
            "System.InvalidOperationException",
            "Cannot resume the orchestration instance a because instance is in the Pending state.",
        )
        await app.become("a", RuntimeStatus.SUSPENDED)
        assert fault(await app.public.post(f"{INSTANCES}/a/suspend")) == (
            500,
            "System.InvalidOperationException",
            "Cannot suspend the orchestration instance a because instance is in the Suspended state.",
        )
        assert is_empty(await app.public.post(f"{INSTANCES}/a/resume"), 202)
        (resumed,) = await app.received("a")
        assert isinstance(resumed, ExecutionResumed)
        assert resumed.reason is None


async def test_a_failed_instance_is_pending_again_when_its_rewind_is_answered(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.become("a", RuntimeStatus.FAILED, "boom")
        assert is_empty(await app.public.post(f"{INSTANCES}/a/rewind?reason=mended"), 202)
        body = (await app.public.get(f"{INSTANCES}/a")).json()
        assert (body["runtimeStatus"], body["output"]) == ("Pending", None)
        (woken,) = await app.received("a")
        assert isinstance(woken, GenericEvent)
        assert woken.data == "mended"


async def test_only_a_failed_instance_is_rewound(open_app: OpenApp):
    async with open_app() as app:
        for status in (RuntimeStatus.RUNNING, RuntimeStatus.SUSPENDED, *FINISHED):
            await app.start(status.value)
            await app.become(status.value, status)
        answers = {
            status: await app.public.post(f"{INSTANCES}/{status.value}/rewind")
            for status in (RuntimeStatus.RUNNING, RuntimeStatus.SUSPENDED)
        }
        text = "The rewind operation is only supported on failed orchestration instances."
        assert [fault(answer) for answer in answers.values()] == [(500, "System.InvalidOperationException", text)] * 2
        for status in FINISHED:
            if status is not RuntimeStatus.FAILED:
                assert is_empty(await app.public.post(f"{INSTANCES}/{status.value}/rewind"), 410)


async def test_a_terminate_can_be_for_the_whole_family(open_app: OpenApp):
    async with open_app() as app:
        await app.start("a")
        await app.public.post(f"{INSTANCES}/a/terminate?reason=x&recurse=TRUE")
        await app.public.post(f"{INSTANCES}/a/terminate?reason=x")
        (_, family, alone) = await app.received("a")
        assert isinstance(family, ExecutionTerminated)
        assert isinstance(alone, ExecutionTerminated)
        assert (family.recurse, alone.recurse) == (True, False)


async def test_tags_and_a_time_to_start_are_shown_at_the_end_of_a_status(open_app: OpenApp):
    async with open_app() as app:
        query = "tag=team=red&tag=note=a%3Db,c&scheduledStartTime=2999-05-01T10:00:00.5%2B02:00"
        assert (await app.public.post(f"{BASE}/orchestrators/Hello/a?{query}")).status_code == 202
        body = (await app.public.get(f"{INSTANCES}/a")).json()
        assert list(body)[-3:] == ["lastUpdatedTime", "scheduledTime", "tags"]
        assert (body["scheduledTime"], body["runtimeStatus"]) == ("2999-05-01T08:00:00Z", "Pending")
        assert body["tags"] == {"team": "red", "note": "a=b,c"}


async def test_a_listing_filters_by_tags_that_must_all_fit(open_app: OpenApp):
    async with open_app() as app:
        for instance_id, query in (("a", "tag=team=red"), ("b", "tag=team=red&tag=city=Oslo"), ("c", "tag=team=blue")):
            await app.public.post(f"{BASE}/orchestrators/Hello/{instance_id}?{query}")

        async def ids(query: str) -> list[str]:
            return [row["instanceId"] for row in (await app.public.get(f"{INSTANCES}?{query}")).json()]

        assert await ids("tag=team=red") == ["a", "b"]
        assert await ids("tag=team=red&tag=city=Oslo") == ["b"]
        assert (await app.public.get(f"{INSTANCES}?tag=red")).status_code == 400


async def test_purging_by_a_filter_of_only_unknown_states_spares_what_runs(open_app: OpenApp):
    async with open_app() as app:
        for instance_id, status in (("a", RuntimeStatus.COMPLETED), ("b", RuntimeStatus.RUNNING)):
            await app.start(instance_id)
            await app.become(instance_id, status)
        await app.public.delete(f"{INSTANCES}?createdTimeFrom=2001-01-01&runtimeStatus=completed,nonsense")
        assert [row["instanceId"] for row in (await app.public.get(INSTANCES)).json()] == ["b"]


async def test_purging_by_filter_purges_many(open_app: OpenApp):
    async with open_app() as app:
        for number in range(230):
            await app.start(f"a{number}")
            await app.become(f"a{number}", RuntimeStatus.COMPLETED)
        answer = await app.public.delete(f"{INSTANCES}?createdTimeFrom=2001-01-01")
        assert answer.json() == {"instancesDeleted": 230}


async def test_the_local_door_lists_everything_and_the_token_is_always_there(open_app: OpenApp):
    async with open_app() as app:
        for number in range(130):
            await app.start(f"a{number}")
        answer = await app.local.get("/durabletask/instances/")
        assert (len(answer.json()), answer.headers["x-ms-continuation-token"]) == (130, "")
        answer = await app.public.get(INSTANCES)
        assert (len(answer.json()), answer.headers["x-ms-continuation-token"] != "") == (100, True)


@pytest.mark.parametrize("token", ["a1", "eyJOZXh0UGFydGl0aW9uS2V5IjoiMSJ9", "%00", "é", "AAAAAAAAYTE="])
async def test_a_token_of_another_listing_is_refused(open_app: OpenApp, token: str):
    async with open_app() as app:
        answer = await app.public.get(INSTANCES, headers={b"x-ms-continuation-token": token.encode()})
        assert (answer.status_code, "does not belong to a listing" in fault(answer)[2]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orchestrators/Hello"),
        ("POST", "/orchestrators"),
        ("POST", "/orchestrators/Hello/a/b"),
        ("PUT", "/instances/a"),
        ("POST", "/instances/a"),
        ("GET", "/instances/a/terminate"),
        ("POST", "/instances/a/explode"),
        ("POST", "/instances/a/raiseEvent"),
        ("POST", "/instances/a/restartWithOptions"),
        ("POST", "/instances//terminate"),
        ("GET", "/nothing"),
        ("GET", ""),
        ("OPTIONS", "/instances"),
    ],
)
async def test_what_is_no_route_or_not_with_this_method_is_not_found(open_app: OpenApp, method: str, path: str):
    async with open_app() as app:
        await app.start("a")
        assert is_empty(await app.public.request(method, f"{BASE}{path}"), 404)


async def test_every_host_is_primary(open_app: OpenApp):
    async with open_app() as app:
        assert is_empty(await app.public.post(f"{BASE}/makeprimary"), 200)
