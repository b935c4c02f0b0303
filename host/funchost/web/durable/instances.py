"""Looking at instances over HTTP, sending them messages, and removing them."""

from dataclasses import replace
from typing import Any

from funchost.clock import Clock
from funchost.ids import InstanceId
from funchost.taskhub import Query
from funchost.taskhub.client import HubClient
from funchost.web.durable.answers import ApiRequest, ApiResponse, BadMessage, empty, json_answer
from funchost.web.durable.history import history_json
from funchost.web.durable.jsontext import InvalidJson, body_text, once_decoded
from funchost.web.durable.paging import CONTINUATION, page_of, token_of
from funchost.web.durable.start_options import tags_of
from funchost.web.durable.status import status_code, status_json

__all__ = ["Instances"]

_PAGE = 100


class Instances:
    """The routes below ``instances``, but those that start something.

    ``decode_sdk_events``: of the two encodings in which client libraries raise events, one is stored.
    """

    def __init__(self, client: HubClient, clock: Clock, *, decode_sdk_events: bool) -> None:
        self._client = client
        self._clock = clock
        self._decode_sdk_events = decode_sdk_events

    async def status(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        query = request.query
        show_input = query.flag("showInput", default=True)
        instance = await self._client.read(instance_id)
        body = status_json(instance, show_input=show_input)
        if query.flag("showHistory", default=False):
            body |= await self._history(request, instance.id, show_input=show_input)
        failure_is_500 = request.door.legacy or query.flag("returnInternalServerErrorOnFailure", default=False)
        code = status_code(instance.status, failure_is_500=failure_is_500)
        headers = {"Location": request.uri, "Retry-After": "5"} if code == 202 else {}
        return json_answer(code, body, headers)

    async def _history(self, request: ApiRequest, instance_id: InstanceId, *, show_input: bool) -> dict[str, Any]:
        events = await self._client.hub.history(instance_id)
        if not events:
            return {}
        outputs = request.query.flag("showHistoryOutput", default=False)
        rows = history_json(events, inputs=show_input, outputs=outputs)
        # The Python SDK fills the ``history`` of its status object from a member of that name only.
        return {"historyEvents": rows, "history": rows} if request.door.local else {"historyEvents": rows}

    async def list(self, request: ApiRequest) -> ApiResponse:
        top = request.query.integer("top")
        if top is None or top <= 0:
            top = None if request.door.local else _PAGE
        hub = self._client.hub
        start = page_of(hub.name, request.headers.get(CONTINUATION, ""))
        query = replace(_filter(request), id_prefix=request.query.text("instanceIdPrefix") or None, top=top)
        page = await hub.list(query, page=start)
        show_input = request.query.flag("showInput", default=True)
        rows = [status_json(instance, show_input=show_input) for instance in page.instances]
        return json_answer(200, rows, {CONTINUATION: token_of(hub.name, page.next)})

    async def purge(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        await self._client.purge(instance_id)
        return json_answer(200, {"instancesDeleted": 1})

    async def purge_matching(self, request: ApiRequest) -> ApiResponse:
        query = _filter(request)
        if query.created_from is None:
            return json_answer(400, "Please provide value for 'createdTimeFrom' parameter.")
        deleted = await self._client.purge_finished(replace(query, created_to=query.created_to or self._clock.now()))
        return json_answer(200, {"instancesDeleted": deleted}) if deleted else empty(404)

    async def raise_event(self, request: ApiRequest, instance_id: str, name: str) -> ApiResponse:
        # The instance comes first: who sends nonsense to a finished one is told that it is finished.
        instance = await self._client.open(instance_id)
        text = _event_input(request)
        # Here and not where it is waited for: what is stored has to be the same for whoever reads it.
        if self._decode_sdk_events and request.door.local:
            text = once_decoded(text)
        await self._client.raise_event(instance, name, text)
        return empty(202)

    async def terminate(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        instance, query = await self._client.open(instance_id), request.query
        await self._client.terminate(instance, query.text("reason"), recurse=query.flag("recurse", default=False))
        return empty(202)

    async def suspend(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        await self._client.suspend(await self._client.open(instance_id), request.query.text("reason"))
        return empty(202)

    async def resume(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        await self._client.resume(await self._client.open(instance_id), request.query.text("reason"))
        return empty(202)

    async def rewind(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        await self._client.rewind(instance_id, request.query.text("reason"))
        return empty(202)


def _filter(request: ApiRequest) -> Query:
    query = request.query
    return Query(
        statuses=query.statuses("runtimeStatus"),
        created_from=query.moment("createdTimeFrom"),
        created_to=query.moment("createdTimeTo"),
        tags=tags_of(query),
    )


def _event_input(request: ApiRequest) -> str:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json" and (request.body or not request.door.legacy):
        raise BadMessage("Only application/json request content is supported")
    text = body_text(request.body)
    if text is not None:
        return text
    if request.door.legacy:
        return "null"
    raise InvalidJson("The body holds no JSON value.")
