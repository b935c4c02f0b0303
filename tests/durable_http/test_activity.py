"""The built-in activity: from the request of an orchestrator to its answer."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from durable_http.site import reply, site
from funchost.clock import SystemClock
from funchost.durable.functions import HTTP_ACTIVITY
from funchost.durable_http import HttpActivity, HttpClient, Tokens
from funchost.durable_http.errors import RequestRefused, UnwantedStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import ActivityWork
from funchost.taskhub.worker.activity import GivesUp, Later

WORK = ActivityWork(InstanceId("it"), ExecutionId("1"), 0, HTTP_ACTIVITY, None, None)
HALF_A_MINUTE = timedelta(seconds=30)


async def called(url: str, **members: Any) -> Any:
    """The decoded result of the activity, or the :class:`Later` that it gives."""
    clock = SystemClock()
    client, tokens = HttpClient(), Tokens(clock)
    activity = HttpActivity(client, tokens, clock, poll_after=HALF_A_MINUTE)
    try:
        result = await activity.call_async({"method": "POST", "uri": url, **members}, WORK)
    finally:
        await client.close()
        await tokens.close()
    return json.loads(result) if isinstance(result, str) else result


def retrying(*statuses: int) -> dict[str, Any]:
    return {"MaxNumberOfAttempts": 3, "StatusCodesToRetry": list(statuses)}


async def test_no_status_is_a_failure_unless_it_is_to_be_tried_again() -> None:
    async with site({"/": reply(500, "broken", X_A="b")}) as here:
        result = await called(here.url)
    assert (result["statusCode"], result["content"], result["headers"]["X-A"]) == (500, "broken", "b")


async def test_with_retry_every_status_but_success_is_a_failure() -> None:
    async with site({"/": reply(404), "/ok": reply(204)}) as here:
        with pytest.raises(UnwantedStatus, match="does not indicate success: 404"):
            await called(here.url, retryOptions=retrying())
        assert (await called(f"{here.url}/ok", retryOptions=retrying()))["statusCode"] == 204


async def test_with_statuses_named_only_those_are_failures() -> None:
    async with site({"/": reply(404), "/busy": reply(503)}) as here:
        assert (await called(here.url, retryOptions=retrying(503)))["statusCode"] == 404
        with pytest.raises(UnwantedStatus, match=r"^Status code ServiceUnavailable received, retry requested\.$"):
            await called(f"{here.url}/busy", retryOptions=retrying(503))


async def test_a_202_is_polled_later_at_its_location() -> None:
    async with site({"/jobs": reply(202, Location="jobs/7?x=1", Retry_After="5")}) as here:
        later = await called(
            f"{here.url}/jobs", content="{}", headers={"x-functions-key": "k", "Accept": "a"}, timeout="00:00:09"
        )
        assert isinstance(later, Later)
        assert later.delay == timedelta(seconds=5)
        poll = {"method": "GET", "uri": f"{here.url}/jobs/7?x=1", "headers": {"Accept": "a"}, "timeout": "00:00:09"}
        assert json.loads(later.rest) == [poll]


async def test_a_202_that_does_not_say_when_is_polled_after_the_usual_time() -> None:
    async with site({"/": reply(202, Location="/")}) as here:
        assert (await called(here.url)).delay == HALF_A_MINUTE


async def test_a_location_is_relative_to_where_a_redirection_led() -> None:
    async with site({"/": reply(307, Location="/v2/jobs"), "/v2/jobs": reply(202, Location="7")}) as here:
        assert json.loads((await called(here.url)).rest)[0]["uri"].endswith("/v2/7")


async def test_with_polling_off_a_202_is_the_answer() -> None:
    async with site({"/": reply(202, Location="/")}) as here:
        result = await called(here.url, asynchronousPatternEnabled=False)
    assert (result["statusCode"], result["headers"]["Location"]) == (202, "/")


async def test_a_202_without_location_fails_for_good() -> None:
    async with site({"/": reply(202)}) as here:
        with pytest.raises(GivesUp) as failure:
            await called(here.url, retryOptions=retrying())
    assert isinstance(failure.value.error, RequestRefused)


async def test_a_failure_is_tried_again_only_where_retry_options_are() -> None:
    async with site({}) as here:
        pass
    with pytest.raises(ConnectionError):
        await called(here.url, retryOptions=retrying())
    with pytest.raises(GivesUp) as failure:
        await called(here.url)
    assert isinstance(failure.value.error, ConnectionError)


async def test_what_cannot_be_sent_fails_for_good() -> None:
    with pytest.raises(GivesUp, match="Multipart content is not supported with CallHttpAsync"):
        await called("http://localhost:1/", headers={"Content-Type": "multipart/mixed"}, retryOptions=retrying())


async def test_a_token_goes_to_another_machine_by_https_only() -> None:
    source = {"kind": "AzureManagedIdentity", "resource": "r"}
    with pytest.raises(GivesUp, match="over https only"):
        await called("http://elsewhere.test/", tokenSource=source)


async def test_a_request_is_one_line_that_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, f"Function.{HTTP_ACTIVITY}"):
        async with site({"/a": reply(201, "answer")}) as here:
            await called(f"{here.url}/a?code=secret", headers={"h": "secret"}, content="secret")
        with pytest.raises(GivesUp):
            await called(f"{here.url}/a?code=secret", headers={"h": "secret"}, content="secret")
    where = here.url.removeprefix("http://")
    texts = [record.getMessage().split(", Duration")[0] for record in caplog.records]
    assert texts == [f"Executed 'POST {where}/a' (201", f"Executed 'POST {where}/a' (ConnectionError"]
    assert {record.__dict__["instance_id"] for record in caplog.records} == {"it"}
