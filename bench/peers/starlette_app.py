"""A bare Starlette app: what an HTTP answer costs before there is a host."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"Hello {request.query_params.get('name', 'world')}")


app = Starlette(routes=[Route("/api/hello", hello, methods=["GET", "POST"])])
