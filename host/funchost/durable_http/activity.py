"""The activity ``BuiltIn::HttpActivity``: one request, or the next of a call that polls."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from funchost.clock import Clock
from funchost.durable.functions import HTTP_ACTIVITY
from funchost.durable_http.client import HttpClient
from funchost.durable_http.errors import RequestRefused, UnwantedStatus
from funchost.durable_http.following import poll_delay, poll_request
from funchost.durable_http.request import HttpRequest, is_this_machine, parse_request, place, stored_request
from funchost.durable_http.response import HttpResponse, status_name
from funchost.durable_http.tokens import Tokens
from funchost.instant import to_datetime
from funchost.taskhub import ActivityWork
from funchost.taskhub.worker.activity import GivesUp, Later

__all__ = ["HttpActivity"]

logger = logging.getLogger(f"Function.{HTTP_ACTIVITY}")


class HttpActivity:
    """Sends what ``call_http`` asked for. Between two polls nothing of the call is held here.

    ``poll_after`` is how long to wait when an answer does not say it.
    """

    name = HTTP_ACTIVITY
    is_async = True

    def __init__(self, client: HttpClient, tokens: Tokens, clock: Clock, *, poll_after: timedelta) -> None:
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._poll_after = poll_after

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        raise NotImplementedError("requests are sent on the event loop")

    async def call_async(self, argument: Any, work: ActivityWork) -> str | Later:
        """The answer, or what is left to be done after a 202. Raises what the call fails with."""
        request = None
        try:
            request = parse_request(argument)
            response = await self._logged(request, work)
            _check_status(request, response)
            return self._outcome(request, response)
        except Exception as exc:
            if isinstance(exc, RequestRefused) or request is None or request.retry_on is None:
                # A poll has no retry options: the policy of its call is for the first request alone.
                raise GivesUp(exc) from exc
            raise

    def _outcome(self, request: HttpRequest, response: HttpResponse) -> str | Later:
        if response.status != 202 or not request.follows_202:
            return response.result()
        poll = poll_request(request, response.url, response.header("location"))
        now = to_datetime(self._clock.now())
        return Later(stored_request(poll), poll_delay(response.header("retry-after"), now, self._poll_after))

    async def _logged(self, request: HttpRequest, work: ActivityWork) -> HttpResponse:
        """One line a request, which tells neither query, headers nor content."""
        since = self._clock.monotonic()
        outcome: object = "cancelled"
        try:
            response = await self._send(request)
            outcome = response.status
            return response
        except Exception as exc:
            outcome = type(exc).__name__
            raise
        finally:
            took_ms = (self._clock.monotonic() - since) * 1000
            logger.info(
                "Executed '%s %s' (%s, Duration=%dms)",
                request.method,
                place(request.url),
                outcome,
                took_ms,
                extra={"instance_id": work.instance},
            )

    async def _send(self, request: HttpRequest) -> HttpResponse:
        if request.token is None:
            return await self._client.send(request)
        if request.url.scheme != "https" and not is_this_machine(request.url):
            raise RequestRefused("a token is sent over https only, or within this machine")
        token = await self._tokens.bearer(request.token)
        return await self._client.send(replace(request.with_bearer(token), token=None))


def _check_status(request: HttpRequest, response: HttpResponse) -> None:
    """Raises UnwantedStatus where the retry options ask for another attempt."""
    if request.retry_on is None or 200 <= response.status <= 299:
        return
    if response.status in request.retry_on:
        raise UnwantedStatus(f"Status code {status_name(response.status)} received, retry requested.")
    if not request.retry_on:
        raise UnwantedStatus(f"Response status code does not indicate success: {response.status}.")
