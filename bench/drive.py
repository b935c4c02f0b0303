"""How orchestrations are started and waited for: one HTTP call each, on every side.

Peers answer that call with the result. funchost answers it when the start is durable, as the durable HTTP API
does, and one watcher asks until nothing is open any more: its requests are part of funchost's time.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable

from bench.load import Client, Reply, prepare

__all__ = ["Burst", "answered_with_result", "started", "started_then_watched"]

Burst = Callable[[Client, str, object, int], Awaitable[Callable[[], Awaitable[list[object]]]]]
"""``(client, orchestration, input, instances)``: returns when all are finished; the result of that fetches the
outputs, which is not timed."""

_WATCH_EVERY_S = 0.01
_API = "/runtime/webhooks/durabletask"
_numbers = itertools.count()


async def started(base: str, client: Client, orchestration: str, value: object) -> None:
    """Start one on funchost and do not wait for it."""
    url = f"{base}{_API}/orchestrators/{orchestration}"
    _with_status(await client.send(prepare("POST", url, json.dumps(value).encode())), 202)


def answered_with_result(url: str) -> Burst:
    """``url`` has a place for the orchestration's ``name``."""

    async def burst(
        client: Client, orchestration: str, value: object, instances: int
    ) -> Callable[[], Awaitable[list[object]]]:
        raw = prepare("POST", url.format(name=orchestration), json.dumps(value).encode())
        replies = await _all_of(client, [raw] * instances)

        async def outputs() -> list[object]:
            return [json.loads(_with_status(reply, 200).body) for reply in replies]

        return outputs

    return burst


def started_then_watched(base: str) -> Burst:
    async def burst(
        client: Client, orchestration: str, value: object, instances: int
    ) -> Callable[[], Awaitable[list[object]]]:
        prefix, body = f"burst-{next(_numbers)}-", json.dumps(value).encode()
        urls = [f"{base}{_API}/orchestrators/{orchestration}/{prefix}{n}" for n in range(instances)]
        for reply in await _all_of(client, [prepare("POST", url, body) for url in urls]):
            _with_status(reply, 202)
        await _until_none_is_open(client, f"{base}{_API}/instances?instanceIdPrefix={prefix}")

        async def outputs() -> list[object]:
            ours = prepare("GET", f"{base}{_API}/instances?instanceIdPrefix={prefix}&top={instances}")
            found = json.loads(_with_status(await client.send(ours), 200).body)
            return [instance["output"] for instance in found]

        return outputs

    return burst


async def _until_none_is_open(client: Client, instances: str) -> None:
    open_ones = prepare("GET", f"{instances}&runtimeStatus=Pending,Running&top=1&showInput=false")
    while True:
        if _with_status(await client.send(open_ones), 200).body == b"[]":
            return
        await asyncio.sleep(_WATCH_EVERY_S)


async def _all_of(client: Client, requests: list[bytes]) -> list[Reply]:
    return await asyncio.gather(*[client.send(raw) for raw in requests])


def _with_status(reply: Reply, expected: int) -> Reply:
    if reply.status != expected:
        raise RuntimeError(f"HTTP {reply.status}: {reply.body[:500]!r}")
    return reply
