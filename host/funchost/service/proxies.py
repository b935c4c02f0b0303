"""The proxies that the environment names for requests to elsewhere."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL

__all__ = ["proxy_for"]


def proxy_for(url: URL) -> str | None:
    """By ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, or what the system is set to; None: go there directly.

    Read each time: user code may set them while it is imported.
    """
    if url.host is None or proxy_bypass(url.host):
        return None
    return getproxies().get(url.scheme)
