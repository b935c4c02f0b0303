"""Entities over HTTP: their states, lists of them, and signals to them."""

import json

from funchost.durable.entities.ids import EntityKey
from funchost.errors import InvalidArgument
from funchost.ids import illegal_in_ids
from funchost.instant import isoformat
from funchost.taskhub import Query
from funchost.taskhub.entity_client import EntityClient
from funchost.web.durable.answers import ApiRequest, ApiResponse, BadMessage, empty, json_answer
from funchost.web.durable.jsontext import InvalidJson, body_text, stored_value
from funchost.web.durable.paging import CONTINUATION, page_of, token_of

__all__ = ["Entities"]

_PAGE = 100
_DELETE = "delete"
"""The operation that a DELETE stands for."""


class Entities:
    """The routes below ``entities``."""

    def __init__(self, client: EntityClient) -> None:
        self._client = client

    async def state(self, request: ApiRequest, name: str, key: str) -> ApiResponse:
        state = await self._client.state(_entity(name, key))
        return empty(404) if state is None else json_answer(200, stored_value(state))

    async def list(self, request: ApiRequest, name: str) -> ApiResponse:
        query = request.query
        top = query.integer("top")
        if top is None or top <= 0:
            top = None if request.door.local else _PAGE
        wanted = Query(
            id_prefix=f"@{name.lower()}@" if name else "@",
            updated_from=query.moment("lastOperationTimeFrom"),
            updated_to=query.moment("lastOperationTimeTo"),
            top=top,
            payloads=query.flag("fetchState", default=False),
        )
        hub = self._client.hub_name
        try:
            start = page_of(hub, request.headers.get(CONTINUATION, ""))
        except InvalidArgument as error:
            raise BadMessage(str(error)) from error
        page = await self._client.list(wanted, page=start)
        rows = [
            {
                "entityId": {"name": view.key.name, "key": view.key.key},
                "lastOperationTime": isoformat(view.last_operation),
                "state": stored_value(view.state),
            }
            for view in page.entities
        ]
        return json_answer(200, rows, {CONTINUATION: token_of(hub, page.next)})

    async def signal(self, request: ApiRequest, name: str, key: str) -> ApiResponse:
        """Also a DELETE, which is the signal ``delete`` without an input."""
        entity = _entity(name, key)
        deletes = request.method == "DELETE"
        operation = _DELETE if deletes else request.query.text("op") or ""
        input_text = None if deletes else _input(request)
        due = request.query.moment("scheduledTime")
        if due is None and request.query.text("scheduledTime"):
            raise BadMessage("The parameter 'scheduledTime' is not a time; write it as 2030-01-31T12:00:00Z.")
        try:
            await self._client.signal(entity, operation, input_text, due=due)
        except InvalidArgument as error:
            raise BadMessage(str(error)) from error
        return empty(202)


def _entity(name: str, key: str) -> EntityKey:
    if not name:
        raise BadMessage("Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')")
    if illegal_in_ids(key):
        raise BadMessage("entityKey (Parameter 'Entity keys must not contain /, \\, #, ?, or control characters.')")
    return EntityKey(name, key)


def _input(request: ApiRequest) -> str | None:
    """The operation's input as JSON text: the JSON value of a JSON body, any other body as a string."""
    if not request.body:
        return None
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        return json.dumps(request.body.decode("utf-8", "replace"))
    try:
        return body_text(request.body)
    except InvalidJson as error:
        raise BadMessage(f"Could not parse JSON content: {error}") from error
