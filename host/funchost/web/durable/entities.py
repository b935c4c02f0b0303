"""Entities over HTTP, as an app without entity functions answers: there are none, and none can be signalled."""

import unicodedata

from funchost.durable.texts import unknown_function
from funchost.web.durable.answers import ApiRequest, ApiResponse, BadMessage, empty, json_answer
from funchost.web.durable.instances import CONTINUATION
from funchost.web.durable.jsontext import InvalidJson, body_text

__all__ = ["Entities"]


class Entities:
    """The routes below ``entities``."""

    async def state(self, request: ApiRequest, name: str, key: str) -> ApiResponse:
        _check(name, key)
        return empty(404)

    async def list(self, request: ApiRequest, name: str) -> ApiResponse:
        return json_answer(200, [], {CONTINUATION: ""})

    async def signal(self, request: ApiRequest, name: str, key: str) -> ApiResponse:
        """Also a DELETE, which is the signal ``delete``."""
        _check(name, key)
        _check_body(request)
        raise BadMessage(unknown_function(name.lower(), "entity", ()))


def _check(name: str, key: str) -> None:
    if not name:
        raise BadMessage("Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')")
    if any(c in "/\\#?" or unicodedata.category(c) == "Cc" for c in key):
        raise BadMessage("entityKey (Parameter 'Entity keys must not contain /, \\, #, ?, or control characters.')")


def _check_body(request: ApiRequest) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.method == "POST" and media_type == "application/json":
        try:
            body_text(request.body)
        except InvalidJson as error:
            raise BadMessage(f"Could not parse JSON content: {error}") from error
