"""How orchestrations are driven: one HTTP call each, answered with the result, the same on every side."""

import asyncio
import json

from bench.load import Client, prepare

__all__ = ["burst"]


async def burst(client: Client, url: str, value: object, instances: int) -> list[object]:
    """The results of ``instances`` orchestrations that are started at once. Raises RuntimeError for any failure."""
    raw = prepare("POST", url, json.dumps(value).encode())
    replies = await asyncio.gather(*[client.send(raw) for _ in range(instances)])
    for reply in replies:
        if reply.status != 200:
            raise RuntimeError(f"HTTP {reply.status} from {url}: {reply.body[:500]!r}")
    return [json.loads(reply.body) for reply in replies]
