"""An answer, and what an orchestrator gets of it."""

import json
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any

from yarl import URL

from funchost.durable_http.headers import Headers, first, grouped

__all__ = ["HttpResponse", "charset_of", "status_name"]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """``url`` is where the answer came from, redirections included; ``headers`` are in the order of the server."""

    status: int
    url: URL
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return first(self.headers, name)

    @property
    def text(self) -> str:
        """The body by the charset that it names, else by its byte order mark, else as UTF-8.

        What it cannot decode becomes U+FFFD: content of a call is text, and bytes do not survive in it.
        """
        charset = charset_of(self.header("content-type")) or _marked_charset(self.body)
        try:
            return self.body.decode(charset, "replace")
        except (LookupError, UnicodeError):
            return self.body.decode("utf-8", "replace")

    def result(self) -> str:
        """The result of the activity, as it is stored."""
        return json.dumps({"statusCode": self.status, "headers": grouped(self.headers), "content": self.text})


def charset_of(content_type: str | None) -> str | None:
    """The charset that a ``Content-Type`` names."""
    if content_type is None:
        return None
    message = Message()
    message["Content-Type"] = content_type
    charset: Any = message.get_param("charset")
    return charset.strip() or None if isinstance(charset, str) else None


def status_name(status: int) -> str:
    """``ServiceUnavailable`` for 503; the number for one without a name."""
    try:
        return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
    except ValueError:
        return str(status)


def _marked_charset(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig"
