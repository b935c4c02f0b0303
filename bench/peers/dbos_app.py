"""DBOS: workflows of async steps on SQLite, behind one HTTP route that answers with the workflow's result."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator

from dbos import DBOS, DBOSConfig
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

config: DBOSConfig = {"name": "bench", "system_database_url": os.environ["BENCH_DATABASE_URL"]}
DBOS(config=config)


@DBOS.step()
async def add_one(value: int) -> int:
    return value + 1


@DBOS.workflow()
async def chain(steps: int) -> int:
    value = 0
    for _ in range(steps):
        value = await add_one(value)
    return value


@DBOS.workflow()
async def fan_out(steps: int) -> int:
    return sum(await asyncio.gather(*[add_one(n) for n in range(steps)]))


WORKFLOWS = {"chain": chain, "fan_out": fan_out}


async def run(request: Request) -> JSONResponse:
    # Calling the workflow in place is DBOS's fastest way: a handle's result would be polled for.
    return JSONResponse(await WORKFLOWS[request.path_params["name"]](await request.json()))


@contextlib.asynccontextmanager
async def launched(_: Starlette) -> AsyncGenerator[None]:
    DBOS.launch()
    yield
    DBOS.destroy()


app = Starlette(routes=[Route("/{name}", run, methods=["POST"])], lifespan=launched)
