"""What goes over the wire, and what comes back."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from yarl import URL

from durable_http.site import Reply, raw_site, reply, request, site
from funchost import __version__
from funchost.durable_http import HttpClient, client
from funchost.durable_http.errors import RequestRefused
from funchost.durable_http.request import HttpRequest
from funchost.durable_http.response import HttpResponse


@asynccontextmanager
async def http() -> AsyncGenerator[HttpClient]:
    sender = HttpClient()
    try:
        yield sender
    finally:
        await sender.close()


async def sent(asked: HttpRequest) -> HttpResponse:
    async with http() as sender:
        return await sender.send(asked)


# --- requests -----------------------------------------------------------------------------------------


async def test_nothing_is_sent_that_nobody_asked_for() -> None:
    async with site({"/": reply()}) as here:
        await sent(request("GET", here.url))
        (seen,) = here.seen
        assert seen.headers == {"host": URL(here.url).authority, "user-agent": f"funchost/{__version__}"}


async def test_method_query_headers_and_content_arrive() -> None:
    async with site({"/a b": reply()}) as here:
        headers = {"User-Agent": "me", "X-Many": ["a", "b"], "Content-Type": "application/json"}
        await sent(request("patch", f"{here.url}/a b?q=%2B+1", headers=headers, content='{"ü": 1}'))
        (seen,) = here.seen
        assert (seen.method, seen.path, seen.query, seen.body) == ("PATCH", "/a b", "q=%2B+1", '{"ü": 1}')
        assert seen.headers["user-agent"] == "me"
        assert seen.headers["x-many"] == "a, b"
        assert seen.headers["content-type"] == "application/json"


async def test_content_is_plain_text_unless_its_type_is_given() -> None:
    async with site({"/": reply()}) as here:
        await sent(request("POST", here.url, content="ü"))
        await sent(request("POST", here.url, content="ü", headers={"content-type": "text/plain; charset=latin-1"}))
        assert [seen.headers["content-type"] for seen in here.seen] == [
            "text/plain; charset=utf-8",
            "text/plain; charset=latin-1",
        ]
        assert [seen.body for seen in here.seen] == ["ü", "ü"]


async def test_a_wrong_content_length_is_mended() -> None:
    async with site({"/": reply()}) as here:
        await sent(request("POST", here.url, content="four", headers={"Content-Length": "4000"}))
        assert here.seen[0].body == "four"


@pytest.mark.parametrize(
    "members",
    [
        {"headers": {"a": "b\r\nc: d"}},
        {"headers": {"a\r\nb": "c"}},
        {"content": "€", "headers": {"Content-Type": "text/plain; charset=latin-1"}},
        {"content": "\ud800"},
        {"method": "GET /x HTTP/1.1\r\n"},
    ],
)
async def test_what_would_break_the_request_is_refused(members: dict[str, object]) -> None:
    async with site({"/": reply()}) as here:
        with pytest.raises(RequestRefused):
            await sent(request(**{"method": "POST", "url": here.url, **members}))  # type: ignore[arg-type]
        assert here.seen == []


# --- answers ------------------------------------------------------------------------------------------


async def test_an_answer_has_status_headers_and_content() -> None:
    async def answer(asked: web.BaseRequest) -> web.Response:
        response = web.Response(status=418, text="tee")
        response.headers.add("X-Many", "a")
        response.headers.add("X-Many", "b")
        return response

    async with site({"/": answer}) as here:
        response = await sent(request("GET", here.url))
        assert (response.status, response.text) == (418, "tee")
        assert response.header("content-type") == "text/plain; charset=utf-8"
        assert [value for name, value in response.headers if name == "X-Many"] == ["a", "b"]


async def test_a_body_that_is_compressed_unasked_is_unpacked() -> None:
    async def answer(asked: web.BaseRequest) -> web.Response:
        return web.Response(body=gzip.compress(b"text"), headers={"Content-Encoding": "gzip"})

    async with site({"/": answer}) as here:
        assert (await sent(request("GET", here.url))).text == "text"


async def test_a_large_body_arrives_whole() -> None:
    async with site({"/": reply(text="x" * 5_000_000)}) as here:
        assert len((await sent(request("GET", here.url))).text) == 5_000_000


async def test_a_body_beyond_all_measure_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST_BODY_BYTES", 1_048_576)
    async with site({"/": reply(text="x" * 2_000_000)}) as here:
        with pytest.raises(RequestRefused, match="longer than 1 MB"):
            await sent(request("GET", here.url))


async def test_large_headers_are_read() -> None:
    async with site({"/": reply(X_Long="x" * 30_000)}) as here:
        assert len((await sent(request("GET", here.url))).header("x-long") or "") == 30_000


async def test_a_header_that_is_no_utf_8_is_latin_1() -> None:
    async with raw_site(b"HTTP/1.1 200 OK\r\nX-City: Z\xfcrich\r\nContent-Length: 0\r\n\r\n") as url:
        assert (await sent(request("GET", url))).header("x-city") == "Zürich"


async def test_cookies_of_one_call_are_not_for_the_next() -> None:
    async with http() as sender, site({"/": reply(Set_Cookie="a=b")}) as here:
        await sender.send(request("GET", here.url))
        await sender.send(request("GET", here.url))
        assert "cookie" not in here.seen[1].headers


# --- redirections -------------------------------------------------------------------------------------


async def test_a_redirection_is_followed_to_its_end() -> None:
    pages = {"/a": reply(302, Location="/b/"), "/b/": reply(308, Location="c?d"), "/b/c": reply(text="end")}
    async with site(pages) as here:
        response = await sent(request("POST", f"{here.url}/a", content="x"))
        assert (response.text, str(response.url)) == ("end", f"{here.url}/b/c?d")
        assert [(seen.method, seen.body) for seen in here.seen] == [("POST", "x"), ("GET", ""), ("GET", "")]


async def test_keys_do_not_leave_their_origin() -> None:
    async with site({"/": reply()}) as there, site({"/": reply(307, Location=f"{there.url}/")}) as here:
        headers = {"Authorization": "Bearer secret", "x-functions-key": "key", "X-Other": "o"}
        await sent(request("GET", here.url, headers=headers))
        assert here.seen[0].headers.items() >= {"authorization": "Bearer secret", "x-functions-key": "key"}.items()
        (seen,) = there.seen
        assert seen.headers.keys() == {"host", "user-agent", "x-other"}


async def test_an_endless_redirection_is_the_answer_in_the_end() -> None:
    async with site({"/": reply(302, Location="/")}) as here:
        assert (await sent(request("GET", here.url))).status == 302
        assert len(here.seen) == 51


# --- failures -----------------------------------------------------------------------------------------


def never() -> Reply:
    async def answer(asked: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    return answer


async def test_a_timeout_says_what_the_caller_specified() -> None:
    async with site({"/path": never()}) as here:
        with pytest.raises(TimeoutError, match=r"Reached user specified timeout: 00:00:00.1000000\.$") as failure:
            await sent(request("GET", f"{here.url}/path?code=secret", timeout="00:00:00.1"))
        assert "secret" not in str(failure.value)


async def test_the_time_limit_counts_all_redirections() -> None:
    async def slowly(asked: web.BaseRequest) -> web.Response:
        await asyncio.sleep(0.04)
        return web.Response(status=302, headers={"Location": "/"})

    async with site({"/": slowly}) as here:
        with pytest.raises(TimeoutError):
            await sent(request("GET", here.url, timeout="00:00:00.1"))


async def test_without_a_server_it_is_a_connection_error() -> None:
    async with site({}) as here:
        pass
    with pytest.raises(ConnectionError, match=f"^GET {URL(here.url).authority}/path: ") as failure:
        await sent(request("GET", f"{here.url}/path?code=secret"))
    assert "secret" not in str(failure.value)
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 banana\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_an_answer_that_breaks_off_or_is_none_is_a_connection_error(said: bytes) -> None:
    async with raw_site(said) as url:
        with pytest.raises(ConnectionError) as failure:
            await sent(request("POST", f"{url}/?code=secret", content="x"))
    assert "secret" not in str(failure.value)


# --- proxies ------------------------------------------------------------------------------------------


async def test_a_proxy_is_asked_for_other_machines_and_never_for_this_one() -> None:
    async with site({"/": reply(text="direct"), "http://elsewhere.test/": reply()}) as proxy:
        sender = HttpClient(lambda url: proxy.url)
        try:
            assert (await sender.send(request("GET", proxy.url))).text == "direct"
            await sender.send(request("GET", "http://elsewhere.test/"))
        finally:
            await sender.close()
        assert [seen.headers["host"] for seen in proxy.seen] == [URL(proxy.url).authority, "elsewhere.test"]
