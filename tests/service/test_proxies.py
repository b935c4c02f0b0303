"""Which proxy the environment names."""

import pytest
from yarl import URL

from funchost.service.proxies import proxy_for


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("https://example.org/", "http://proxy:3128"),
        ("http://example.org/", None),
        ("https://inside.example/", None),
    ],
)
def test_a_proxy_is_for_its_scheme_and_not_for_what_is_excepted(address: str, proxy: str | None):
    assert proxy_for(URL(address)) == proxy
