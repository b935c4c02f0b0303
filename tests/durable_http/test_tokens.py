"""Tokens, from an endpoint like the one that App Service has for its managed identities."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from durable_http.site import Site, reply, site
from durable_http.test_activity import called
from funchost.clock import SystemClock
from funchost.durable_http import Tokens
from funchost.durable_http.errors import RequestRefused, TokenUnavailable
from funchost.durable_http.request import TokenSource
from funchost.durable_http.tokens import scope_of
from funchost.instant import TICKS_PER_SECOND

VAULT = TokenSource("https://vault.azure.net")


class Endpoint:
    """Gives ``token-1``, ``token-2``, …, each for so many seconds."""

    def __init__(self, lasting_s: int) -> None:
        self.given = 0
        self._lasting_s = lasting_s

    async def __call__(self, asked: web.BaseRequest) -> web.Response:
        assert asked.headers["X-IDENTITY-HEADER"] == "proof"
        self.given += 1
        expires = SystemClock().now() // TICKS_PER_SECOND + self._lasting_s
        token = {"access_token": f"token-{self.given}", "expires_on": str(expires), "resource": "", "token_type": ""}
        return web.json_response(token)


@asynccontextmanager
async def identity(monkeypatch: pytest.MonkeyPatch, *, lasting_s: int = 3600) -> AsyncGenerator[Site]:
    async with site({"/token": Endpoint(lasting_s)}) as here:
        # Of the chain only this: nothing else on the machine is to be looked for.
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{here.url}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "proof")
        yield here


@asynccontextmanager
async def tokens() -> AsyncGenerator[Tokens]:
    held = Tokens(SystemClock())
    try:
        yield held
    finally:
        await held.close()


async def test_a_token_is_asked_for_by_its_resource_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async with identity(monkeypatch) as here, tokens() as held:
        assert [await held.bearer(VAULT), await held.bearer(VAULT)] == ["token-1", "token-1"]
        (seen,) = here.seen
        assert "resource=https://vault.azure.net" in seen.query


async def test_a_token_is_renewed_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with identity(monkeypatch, lasting_s=200), tokens() as held:
        assert [await held.bearer(VAULT), await held.bearer(VAULT)] == ["token-1", "token-2"]


async def test_of_many_calls_at_once_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with identity(monkeypatch) as here, tokens() as held:
        assert set(await asyncio.gather(*(held.bearer(VAULT) for _ in range(20)))) == {"token-1"}
        assert len(here.seen) == 1


async def test_each_resource_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async with identity(monkeypatch) as here, tokens() as held:
        await held.bearer(VAULT)
        await held.bearer(TokenSource("https://graph.microsoft.com/"))
        assert "resource=https://graph.microsoft.com" in here.seen[1].query


async def test_a_call_carries_the_token_and_keeps_it_out_of_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    source = {"kind": "AzureManagedIdentity", "resource": VAULT.resource}
    async with identity(monkeypatch), site({"/": reply(202, Location="/poll")}) as here:
        later = await called(here.url, tokenSource=source, headers={"authorization": "mine"})
        assert here.seen[0].headers["authorization"] == "Bearer token-1"
        assert "token-1" not in later.rest
        assert VAULT.resource in later.rest


async def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with identity(monkeypatch), site({"/token": reply(400, "no such identity")}) as none, tokens() as held:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{none.url}/token")
        with pytest.raises(TokenUnavailable, match=r"no token for https://vault.azure.net: "):
            await held.bearer(VAULT)


async def test_without_azure_identity_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity.aio", None)
    async with tokens() as held:
        with pytest.raises(RequestRefused, match=r"pip install 'funchost\[identity\]'"):
            await held.bearer(VAULT)


@pytest.mark.parametrize(
    ("resource", "scope"),
    [
        ("https://management.core.windows.net", "https://management.core.windows.net/.default"),
        ("https://management.core.windows.net/", "https://management.core.windows.net/.default"),
        ("https://graph.microsoft.com/", "https://graph.microsoft.com/.default"),
        ("https://vault.azure.net", "https://vault.azure.net/.default"),
        ("https://vault.azure.net/.default", "https://vault.azure.net/.default"),
        ("https://storage.azure.com/", "https://storage.azure.com//.default"),
        ("api://1234", "api://1234/.default"),
    ],
)
def test_the_scope_stands_for_all_of_a_resource(resource: str, scope: str) -> None:
    assert scope_of(resource) == scope
