"""Calls that poll, on a worker: what they hold while they wait, and what is left of them when a host goes."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.durable_functions import RetryOptions

from durable_http.site import Reply, Site, reply, site
from funchost.clock import SystemClock
from funchost.durable.events import ExecutionTerminated, TaskCompleted, TaskFailed, TaskScheduled
from funchost.durable.status import RuntimeStatus
from funchost.durable_http import HttpActivity, HttpClient, Tokens
from funchost.taskhub import Instance
from funchost.taskhub.worker.limits import Limits
from recovery.host import Folder
from recovery.verify import nothing_waits
from recovery.working import Working, at_most, working

SOON = timedelta(milliseconds=10)
NEVER = timedelta(hours=1)

Code = Generator[Any, Any, Any]


def job(context: Any) -> Code:
    answer = yield context.call_http("POST", f"{context.get_input()}/jobs", {"a": 1}, headers={"x-functions-key": "k"})
    return answer["content"]


def retried(context: Any) -> Code:
    url = f"{context.get_input()}/jobs"
    answer = yield context.call_http("POST", url, retry=RetryOptions(1, 5), retry_on=[503])
    return answer["statusCode"]


def plain(context: Any) -> Code:
    return (yield context.call_activity("one"))


def one(argument: Any) -> int:
    return 1


CODE = {"job": job, "retried": retried, "plain": plain}


def jobs(polls: int) -> dict[str, Reply]:
    """A job that is done after so many polls."""
    asked: list[int] = []

    async def poll(asking: web.BaseRequest) -> web.Response:
        asked.append(1)
        if len(asked) < polls:
            return web.Response(status=202, headers={"Location": "/jobs/7"})
        return web.Response(text="done")

    return {"/jobs": reply(202, Location="/jobs/7"), "/jobs/7": poll}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@asynccontextmanager
async def host(
    folder: Folder, *, poll_after: timedelta = SOON, drain: timedelta = timedelta(seconds=10)
) -> AsyncGenerator[Working]:
    """Two activities at a time."""
    clock = SystemClock()
    client = HttpClient()
    http = HttpActivity(client, Tokens(clock), clock, poll_after=poll_after)
    limits = Limits(activities=2, claim_ahead=8)
    try:
        async with working(folder, CODE, {"one": one}, limits=limits, built_in=[http], drain=drain) as here:
            yield here
    finally:
        await client.close()


async def ended(here: Working, site: Site) -> Instance:
    return await here.end_of(await here.start("job", site.url))


async def until_seen(site: Site, path: str, count: int = 1) -> None:
    async def look() -> None:
        while len(site.requests(path)) < count:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)

    await at_most(look())


async def test_polls_go_on_until_the_answer_is_another_and_are_one_activity(folder: Folder) -> None:
    async with site(jobs(polls=3)) as server, host(folder) as here:
        end = await ended(here, server)
        assert (end.status, end.output) == (RuntimeStatus.COMPLETED, '"done"')
        history = await here.hub.history(end.id)
        kinds = [type(event) for event in history if isinstance(event, (TaskScheduled, TaskCompleted, TaskFailed))]
        assert kinds == [TaskScheduled, TaskCompleted]
        assert [(seen.method, seen.body) for seen in server.seen] == [("POST", '{"a": 1}'), *[("GET", "")] * 3]
        assert ["x-functions-key" in seen.headers for seen in server.seen] == [True, False, False, False]
    assert nothing_waits(folder)


async def test_a_poll_that_fails_is_the_failure_of_the_call(folder: Folder) -> None:
    async with site({"/jobs": reply(202, Location="http://127.0.0.1:1/")}) as server, host(folder) as here:
        end = await ended(here, server)
        assert end.status is RuntimeStatus.FAILED
        assert "Activity function 'BuiltIn::HttpActivity' failed:  ConnectionError: GET 127.0.0.1:1/" in str(end.output)


async def test_the_status_of_a_poll_is_the_answer(folder: Folder) -> None:
    pages = {"/jobs": reply(202, Location="/jobs/7"), "/jobs/7": reply(500, "sorry")}
    async with site(pages) as server, host(folder) as here:
        assert (await ended(here, server)).output == '"sorry"'


async def test_a_thousand_waiting_polls_keep_no_activity_waiting(folder: Folder) -> None:
    async with site(jobs(polls=1)) as server, host(folder, poll_after=NEVER) as here:
        await asyncio.gather(*(here.start("job", server.url, instance=f"job-{i}") for i in range(1_000)))
        await until_seen(server, "/jobs", 1_000)
        assert (await here.end_of(await here.start("plain"))).output == "1"
        assert server.requests("/jobs/7") == []


async def test_a_stop_does_not_wait_for_polls_and_the_next_host_goes_on_with_them(folder: Folder) -> None:
    async with site(jobs(polls=1)) as server:
        async with host(folder, poll_after=timedelta(seconds=1)) as here:
            instance = await here.start("job", server.url)
            await until_seen(server, "/jobs")
            before = asyncio.get_running_loop().time()
            await here.stop()
            assert asyncio.get_running_loop().time() - before < 5
        async with host(folder) as here:
            assert (await here.end_of(instance)).output == '"done"'
        assert len(server.requests("/jobs")) == 1


async def test_a_request_that_a_stop_cuts_off_is_sent_again_by_the_next_host(folder: Folder) -> None:
    go_on = asyncio.Event()

    async def slow(asking: web.BaseRequest) -> web.Response:
        await go_on.wait()
        return web.Response(text="done")

    async with site({"/jobs": slow}) as server:
        async with host(folder, drain=timedelta()) as here:
            instance = await here.start("job", server.url)
            await until_seen(server, "/jobs")
        go_on.set()
        async with host(folder) as here:
            assert (await here.end_of(instance)).output == '"done"'
        assert len(server.requests("/jobs")) == 2


async def test_a_terminated_instance_polls_no_more(folder: Folder) -> None:
    async with site(jobs(polls=1)) as server, host(folder, poll_after=NEVER) as here:
        instance = await here.start("job", server.url)
        await until_seen(server, "/jobs")
        await here.hub.send(instance, ExecutionTerminated(timestamp=SystemClock().now(), reason="enough"))
        assert (await here.end_of(instance)).status is RuntimeStatus.TERMINATED
    assert nothing_waits(folder)


async def test_retries_are_for_the_first_request_and_not_for_polls(folder: Folder) -> None:
    answers = iter([503, 503, 202])

    async def flaky(asking: web.BaseRequest) -> web.Response:
        return web.Response(status=next(answers), headers={"Location": "/jobs/7"})

    async with site({"/jobs": flaky, "/jobs/7": reply(503)}) as server, host(folder) as here:
        assert (await here.end_of(await here.start("retried", server.url))).output == "503"
        assert [len(server.requests(path)) for path in ("/jobs", "/jobs/7")] == [3, 1]
