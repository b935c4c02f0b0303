import asyncio

import azure.functions as func
import httpx

from web.function_apps import client_of, http_function, with_http


class Turnstile:
    """A function that says when it has begun and ends when told."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.release = asyncio.Semaphore(0)

    async def __call__(self, name: str) -> str:
        self.begun.put_nowait(name)
        await self.release.acquire()
        return name


def test_requests_over_the_outstanding_limit_are_answered_429_at_once() -> None:
    async def ask() -> httpx.Response:
        turnstile = Turnstile()

        async def wait(req: func.HttpRequest) -> str:
            return await turnstile(req.params["n"])

        options = with_http(max_outstanding_requests=2, max_concurrent_requests=1)
        async with client_of(http_function(wait, "wait"), options=options) as client:
            first = asyncio.create_task(client.get("/api/wait?n=1"))
            assert await asyncio.wait_for(turnstile.begun.get(), 5) == "1"
            second = asyncio.create_task(client.get("/api/wait?n=2"))
            await asyncio.sleep(0)  # lets the second request come in and wait for its turn
            refused = await client.get("/api/wait?n=3")
            assert refused.status_code == 429
            assert turnstile.begun.empty()
            turnstile.release.release()
            turnstile.release.release()
            assert [(await first).text, (await second).text] == ["1", "2"]
            assert (await client.get("/")).status_code == 200
            return refused

    refused = asyncio.run(ask())
    assert refused.headers["x-function-scaleout"] == "1"


def test_no_more_than_the_concurrent_limit_run_and_the_others_wait_in_order() -> None:
    async def ask() -> None:
        turnstile = Turnstile()

        async def wait(req: func.HttpRequest) -> str:
            return await turnstile(req.params["n"])

        async with client_of(http_function(wait, "wait"), options=with_http(max_concurrent_requests=2)) as client:
            async with asyncio.TaskGroup() as tasks:
                for n in range(5):
                    tasks.create_task(client.get(f"/api/wait?n={n}"))
                order = [await asyncio.wait_for(turnstile.begun.get(), 5) for _ in range(2)]
                assert turnstile.begun.empty()
                for _ in range(3):
                    turnstile.release.release()
                    order.append(await asyncio.wait_for(turnstile.begun.get(), 5))
                turnstile.release.release()
                turnstile.release.release()
            assert order == ["0", "1", "2", "3", "4"]

    asyncio.run(ask())
