"""Sends requests: one pool of connections for all orchestrators of a host."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)
from multidict import CIMultiDict
from yarl import URL

from funchost import __version__
from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.following import MOST_REDIRECTIONS, redirected
from funchost.durable_http.request import HttpRequest, is_this_machine, place
from funchost.durable_http.response import HttpResponse, charset_of
from funchost.timespan import format_timespan

__all__ = ["TIME_LIMIT", "HttpClient"]

TIME_LIMIT = timedelta(seconds=240)
"""For a request that names no other: redirections and the whole answer included."""

LARGEST_BODY_BYTES = 104_857_600
"""What a request to a function may have: an answer is kept in the history of its instance."""

_KEEP_ALIVE_S = 4
"""Less than the five seconds after which common servers close: a POST must not meet a connection that is
just being closed, for nobody could say whether it was received."""

_HEADER_BYTES = 65_536
"""For one header; the client of .NET takes as much for all of them."""

_COMPUTED = frozenset({"content-length", "transfer-encoding"})


class HttpClient:
    """A lifetime: nothing is open before the first request, nor after :meth:`close`.

    Used on one event loop. Cookies are not kept: what one orchestrator was given is not for another.
    ``proxy_for`` names the proxy of an address, None where there is none.
    """

    def __init__(self, proxy_for: Callable[[URL], str | None] = lambda url: None) -> None:
        self._proxy_for = proxy_for
        self._session: ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer after all redirections, whatever its status.

        Raises TimeoutError when it takes too long, ConnectionError when there is none, RequestRefused for what
        cannot be sent.
        """
        where = f"{request.method} {place(request.url)}"
        limit = request.timeout or TIME_LIMIT
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._exchange(request)
        except TimeoutError:
            given = "" if request.timeout is None else f" Reached user specified timeout: {format_timespan(limit)}."
            raise TimeoutError(f"{where}: no answer within {limit.total_seconds():g} seconds.{given}") from None
        except (InvalidURL, ValueError) as exc:
            raise exc if isinstance(exc, RequestRefused) else RequestRefused(f"{where}: {_reason(exc)}") from None
        except (ClientError, OSError) as exc:
            # Without the original, whose text may hold the whole address.
            raise ConnectionError(f"{where}: {_reason(exc)}") from None

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        for _ in range(MOST_REDIRECTIONS):
            response, following = await self._step(request)
            if following is None:
                return response
            request = following
        return (await self._step(request))[0]

    async def _step(self, request: HttpRequest) -> tuple[HttpResponse, HttpRequest | None]:
        headers, body = _sendable(request)
        async with self._open_session().request(
            request.method,
            request.url,
            headers=headers,
            data=body,
            allow_redirects=False,
            proxy=None if is_this_machine(request.url) else self._proxy_for(request.url),
        ) as reply:
            return await _read(reply, request.url), redirected(request, reply.status, reply.headers.get("Location"))

    def _open_session(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                # How many requests run at once is the worker's business.
                connector=TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
                cookie_jar=DummyCookieJar(),
                # The limit of a request stands around all of its steps.
                timeout=ClientTimeout(total=None),
                headers={"User-Agent": f"funchost/{__version__}"},
                # A server is asked for nothing that the author did not ask for; a body that comes compressed
                # all the same is unpacked, for as text it would be lost.
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
        return self._session


def _sendable(request: HttpRequest) -> tuple[CIMultiDict[str], bytes | None]:
    headers = CIMultiDict((name, value) for name, value in request.headers if name.lower() not in _COMPUTED)
    if request.content is None:
        return headers, None
    charset = charset_of(headers.setdefault("Content-Type", "text/plain; charset=utf-8")) or "utf-8"
    try:
        return headers, request.content.encode(charset)
    except (LookupError, UnicodeError):
        raise RequestRefused(f"the content cannot be encoded as {charset!r}") from None


async def _read(reply: ClientResponse, url: URL) -> HttpResponse:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY_BYTES:
            raise RequestRefused(f"the answer is longer than {LARGEST_BODY_BYTES // 1_048_576} MB")
    headers = tuple((name, _text(value)) for name, value in reply.headers.items())
    return HttpResponse(reply.status, url, headers, bytes(body))


def _text(value: str) -> str:
    """Bytes of a header that are no UTF-8 are read as Latin-1, which they were once defined to be."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _reason(error: BaseException) -> str:
    if isinstance(error, InvalidURL):
        return "the address cannot be used"
    text = error.message if isinstance(error, ClientResponseError) else str(error)
    return text or type(error).__name__
