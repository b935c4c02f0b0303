"""A topic of Event Grid: where events are posted to, and which refusals are worth another try."""

from contextlib import AsyncExitStack
from typing import Protocol, Self

import aiohttp

from funchost.settings import EventGridSettings

__all__ = ["EventGridTopic", "NotTaken", "Topic"]

_TIMEOUT_S = 30.0
_UNAVAILABLE = 503


class NotTaken(Exception):
    """The topic did not take an event; the text says why, without the key. ``again``: another try may help."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class Topic(Protocol):
    """Takes events while it is entered."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def post(self, body: bytes) -> None:
        """Raises NotTaken."""
        ...


class EventGridTopic:
    """Posts with the key of the topic. Entered and left on one event loop."""

    def __init__(self, settings: EventGridSettings, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._open = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s), trust_env=True)
        self._session = await self._open.enter_async_context(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def post(self, body: bytes) -> None:
        """Raises NotTaken."""
        headers = {"aeg-sas-key": self._settings.key, "Content-Type": "application/json; charset=utf-8"}
        try:
            # A redirect would carry the key to wherever it leads.
            async with self._session.post(
                self._settings.topic_endpoint, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError as error:
            raise NotTaken(f"no answer within {self._timeout_s:g} s", again=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotTaken(f"{type(error).__name__}: {error}", again=True) from error
        if not 200 <= status < 300:
            again = status == _UNAVAILABLE or status in self._settings.retry_statuses
            raise NotTaken(f"answered with status {status}", again=again)
