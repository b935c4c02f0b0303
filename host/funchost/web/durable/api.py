"""The durable HTTP API: a request in, an answer out, whatever door the request came through."""

import logging
from collections.abc import Awaitable
from urllib.parse import unquote

from funchost.clock import Clock
from funchost.errors import FunchostError, InvalidArgument
from funchost.taskhub.client import HubClient
from funchost.web.durable.answers import ApiRequest, ApiResponse, empty, refusal
from funchost.web.durable.entities import Entities
from funchost.web.durable.instances import Instances
from funchost.web.durable.links import InstanceLinks
from funchost.web.durable.starts import Starts

__all__ = ["DurableApi"]

logger = logging.getLogger(__name__)


class DurableApi:
    """Manages the instances of one app's task hub. Coroutines run on the loop that opened the hub.

    ``connection`` is the name under which links name the store; calls that name another task hub are refused.
    ``decode_sdk_events`` is the setting of that name.
    """

    def __init__(
        self, client: HubClient, clock: Clock, *, connection: str = "Storage", decode_sdk_events: bool = False
    ) -> None:
        self.client = client
        self.clock = clock
        self.links = InstanceLinks(client.hub.name, connection)
        self._starts = Starts(client, self.links)
        self._instances = Instances(client, clock, decode_sdk_events=decode_sdk_events)
        self._entities = Entities(client.entities)

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Never raises: what goes wrong is an answer too, and is logged when it is not the caller's mistake."""
        try:
            self._check_hub(request)
            answer = self._route(request)
            return empty(404) if answer is None else await answer
        except FunchostError as error:
            return refusal(error)
        except Exception as error:
            logger.exception("durable HTTP API failed", extra={"method": request.method, "path": request.path})
            return refusal(error)

    def _check_hub(self, request: ApiRequest) -> None:
        asked = (request.query.text("taskHub") or "").strip()
        own = self.links.hub
        if asked and asked.lower() != own.lower():
            raise InvalidArgument(f"The task hub '{asked}' is not served here; the task hub of this app is '{own}'.")

    def _route(self, request: ApiRequest) -> Awaitable[ApiResponse] | None:
        """None: there is no such route, or not with this method; the API knows no other refusal for either.

        Each segment is percent-decoded once and after the split, so that an encoded slash stays in its id.
        """
        collection, *rest = (unquote(segment) for segment in request.path.strip("/").split("/"))
        if "" in rest:
            return None
        match collection.lower():
            case "orchestrators":
                return self._route_orchestrators(request, rest)
            case "instances":
                return self._route_instances(request, rest)
            case "entities":
                return self._route_entities(request, rest)
            case "makeprimary" if not rest:
                return _nothing_to_move()
            case _:
                return None

    def _route_orchestrators(self, request: ApiRequest, rest: list[str]) -> Awaitable[ApiResponse] | None:
        match request.method, rest:
            case "POST", [name]:
                return self._starts.start(request, name, None)
            case "POST", [name, instance_id]:
                return self._starts.start(request, name, instance_id)
            case _:
                return None

    def _route_instances(self, request: ApiRequest, rest: list[str]) -> Awaitable[ApiResponse] | None:
        match request.method, rest:
            case "GET", []:
                return self._instances.list(request)
            case "GET", [instance_id]:
                return self._instances.status(request, instance_id)
            case "DELETE", []:
                return self._instances.purge_matching(request)
            case "DELETE", [instance_id]:
                return self._instances.purge(request, instance_id)
            case "POST", [instance_id, operation]:
                return self._operate(request, instance_id, operation.lower())
            case "POST", [instance_id, operation, name] if operation.lower() == "raiseevent":
                return self._instances.raise_event(request, instance_id, name)
            case _:
                return None

    def _operate(self, request: ApiRequest, instance_id: str, operation: str) -> Awaitable[ApiResponse] | None:
        match operation:
            case "terminate":
                return self._instances.terminate(request, instance_id)
            case "suspend":
                return self._instances.suspend(request, instance_id)
            case "resume":
                return self._instances.resume(request, instance_id)
            case "rewind":
                return self._instances.rewind(request, instance_id)
            case "restart":
                return self._starts.restart(request, instance_id)
            case _:
                return None

    def _route_entities(self, request: ApiRequest, rest: list[str]) -> Awaitable[ApiResponse] | None:
        match request.method, rest:
            case "GET", [] | [_]:
                return self._entities.list(request, rest[0] if rest else "")
            case "GET", [name, key]:
                return self._entities.state(request, name, "" if key == "$" else key)
            case "POST" | "DELETE", [] | [_] | [_, _]:
                name, key, *_ = [*rest, "", ""]
                return self._entities.signal(request, name, key)
            case _:
                return None


async def _nothing_to_move() -> ApiResponse:
    """Every host of a task hub may serve the app: none is the primary one."""
    return empty(200)
