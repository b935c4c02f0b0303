"""Starting and restarting instances over HTTP, and waiting for what was started."""

import re
from collections.abc import Mapping

from funchost.durable.events import TraceContext
from funchost.durable.status import RuntimeStatus
from funchost.errors import InstanceNotFound, InvalidArgument
from funchost.taskhub.client import HubClient
from funchost.web.durable.answers import (
    RESTART_ARGUMENT_ERROR,
    ApiRequest,
    ApiResponse,
    json_answer,
    refusal,
)
from funchost.web.durable.jsontext import body_text, stored_value
from funchost.web.durable.links import InstanceLinks
from funchost.web.durable.start_options import start_options
from funchost.web.durable.status import status_code, status_json

__all__ = ["Starts"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Starts:
    """The routes that end with an instance on its way."""

    def __init__(self, client: HubClient, links: InstanceLinks) -> None:
        self._client = client
        self._links = links

    async def start(self, request: ApiRequest, name: str, instance_id: str | None) -> ApiResponse:
        # A bad body is refused before the function is looked up, as clients of the reference host see it.
        input_text = body_text(request.body)
        options = start_options(request.query)
        new_id = await self._client.start(
            name,
            instance_id=instance_id,
            input_text=input_text,
            version=request.query.text("version"),
            trace=_trace_parent(request.headers),
            start_at=options.start_at,
            tags=options.tags,
            replacing=options.replacing,
        )
        return await self._started(request, new_id)

    async def restart(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        body_text(request.body)
        new_id = request.query.flag("restartWithNewInstanceId", default=True)
        try:
            restarted = await self._client.restart(instance_id, new_id=new_id)
        except InstanceNotFound:
            unknown = InvalidArgument(f"An orchestrastion with the instanceId {instance_id} was not found.")
            return refusal(unknown, argument_error=RESTART_ARGUMENT_ERROR)
        except InvalidArgument as error:
            return refusal(error, argument_error=RESTART_ARGUMENT_ERROR)
        return await self._started(request, restarted)

    async def _started(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        timeout_s, interval_s = request.query.seconds("timeout"), request.query.seconds("pollingInterval")
        if timeout_s is None or interval_s is None:
            return self._check_status(request, instance_id)
        return await self._wait(request, instance_id, timeout_s=timeout_s, interval_s=interval_s)

    async def _wait(self, request: ApiRequest, instance_id: str, *, timeout_s: float, interval_s: float) -> ApiResponse:
        """The output as soon as there is one. The instance runs, whatever is answered."""
        if interval_s > timeout_s:
            raise InvalidArgument(
                f"Total timeout {timeout_s:.15g} should be bigger than retry timeout {interval_s:.15g}"
            )
        instance = await self._client.wait(instance_id, timeout_s=timeout_s, interval_s=interval_s)
        if instance is None:
            return self._check_status(request, instance_id)
        if instance.status is RuntimeStatus.COMPLETED:
            return json_answer(200, stored_value(instance.output))
        code = status_code(instance.status, failure_is_500=_failure_is_500(request))
        return json_answer(code, status_json(instance, show_input=True))

    def _check_status(self, request: ApiRequest, instance_id: str) -> ApiResponse:
        links = self._links.check_status(request.door, instance_id, failure_is_500=_failure_is_500(request))
        return json_answer(202, links, {"Location": links["statusQueryGetUri"], "Retry-After": "10"})


def _failure_is_500(request: ApiRequest) -> bool:
    return request.query.flag("returnInternalServerErrorOnFailure", default=False)


def _trace_parent(headers: Mapping[str, str]) -> TraceContext | None:
    traceparent = headers.get("traceparent", "").strip()
    if _TRACEPARENT.match(traceparent) is None:
        return None
    return TraceContext(traceparent, headers.get("tracestate") or None)
