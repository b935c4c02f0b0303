"""Tokens of managed identities, from azure-identity, which is there when the app asks for it.

The credential is the library's default chain: a service principal in the environment, the identity of the
machine or service, and on a developer's machine whoever is logged in with ``az``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from funchost.clock import Clock
from funchost.durable_http.errors import RequestRefused, TokenUnavailable
from funchost.durable_http.request import TokenSource
from funchost.instant import TICKS_PER_SECOND

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["Tokens", "scope_of"]

_RENEWED_BEFORE_S = 300
"""A token is used until so long before its end; it must last for the request that carries it."""

_WITH_SLASH_OR_WITHOUT = frozenset({"https://management.core.windows.net", "https://graph.microsoft.com"})


@dataclass(slots=True)
class _Held:
    """``lock``: of many requests for one resource, one asks."""

    token: str = ""
    expires_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Tokens:
    """A lifetime; credentials are made when the first token is asked for. Used on one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._credentials: dict[str | None, AsyncTokenCredential] = {}
        self._held: dict[TokenSource, _Held] = {}

    async def bearer(self, source: TokenSource) -> str:
        """Raises TokenUnavailable when there is none, RequestRefused without azure-identity."""
        held = self._held.setdefault(source, _Held())
        async with held.lock:
            if held.expires_s - _RENEWED_BEFORE_S <= self._clock.now() / TICKS_PER_SECOND:
                held.token, held.expires_s = await self._ask(source)
            return held.token

    async def close(self) -> None:
        credentials, self._credentials = self._credentials, {}
        for credential in credentials.values():
            await credential.close()

    async def _ask(self, source: TokenSource) -> tuple[str, float]:
        credential = self._credentials.get(source.authority)
        if credential is None:
            make = await asyncio.to_thread(_credential_maker)  # its import takes most of a second
            credential = self._credentials.setdefault(source.authority, make(source.authority))
        try:
            token = await credential.get_token(scope_of(source.resource), tenant_id=source.tenant)
        except Exception as exc:  # noqa: BLE001 - errors of a library that is not imported by name
            raise TokenUnavailable(f"no token for {source.resource}: {exc}") from None
        return token.token, token.expires_on


def scope_of(resource: str) -> str:
    """The scope that stands for all of ``resource``.

    A blank slash at the end is a part of its name, but for the two that are known under both.
    """
    if resource.endswith("/.default"):
        return resource
    if resource.rstrip("/") in _WITH_SLASH_OR_WITHOUT:
        resource = resource.rstrip("/")
    return f"{resource}/.default"


def _credential_maker() -> "Callable[[str | None], AsyncTokenCredential]":
    try:
        # An extra of the installation, and slow to import: only for apps that ask for tokens.
        from azure.identity.aio import DefaultAzureCredential
    except ImportError:
        raise RequestRefused(
            "a token source needs the package azure-identity: pip install 'funchost[identity]'"
        ) from None
    return lambda authority: DefaultAzureCredential(authority=authority) if authority else DefaultAzureCredential()
