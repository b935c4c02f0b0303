"""Continuation tokens: where the next page begins, in a form that is recognised when it comes back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from funchost.errors import InvalidArgument
from funchost.taskhub import PageToken

__all__ = ["CONTINUATION", "page_of", "token_of"]

CONTINUATION = "x-ms-continuation-token"

_SEAL_BYTES = 6


def token_of(hub: str, page: PageToken | None) -> str:
    """What a header can hold, whatever is in ``page``; empty after the last page."""
    return "" if page is None else urlsafe_b64encode(_seal(hub, page) + page.encode()).decode("ascii")


def page_of(hub: str, token: str) -> PageToken | None:
    """None: the first page. Raises InvalidArgument for what is no token of ``hub``: to give the first page for it
    would show a caller the same instances for ever."""
    if not token.strip():
        return None
    try:
        raw = urlsafe_b64decode(token.strip().encode("ascii"))
        page = PageToken(raw[_SEAL_BYTES:].decode())
    except ValueError:
        raise _unknown(token) from None
    if not page or raw[:_SEAL_BYTES] != _seal(hub, page):
        raise _unknown(token)
    return page


def _seal(hub: str, page: str) -> bytes:
    return sha256(f"{hub.lower()}\n{page}".encode()).digest()[:_SEAL_BYTES]


def _unknown(token: str) -> InvalidArgument:
    return InvalidArgument(
        f"The {CONTINUATION} '{token[:80]}' does not belong to a listing of this task hub: begin again without one."
    )
