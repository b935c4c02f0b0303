"""The URLs by which an instance is managed from outside, and what client bindings are told about them."""

import json
from dataclasses import dataclass, replace
from urllib.parse import quote, quote_plus

__all__ = [
    "ALIAS_BASE",
    "LOCAL_BASE",
    "PUBLIC_BASE",
    "Door",
    "InstanceLinks",
    "Webhook",
    "client_binding",
    "webhook_of",
]

PUBLIC_BASE = "/runtime/webhooks/durabletask"
ALIAS_BASE = "/admin/extensions/DurableTaskExtension"
"""Where Durable Functions 1.x had its API."""

LOCAL_BASE = "/durabletask"
"""Where client libraries on this machine find it."""

INSTANCE_PLACEHOLDER = "INSTANCEID"
"""Client libraries replace it in every URL of a binding by the real id."""

_CHECK_STATUS = (
    "id",
    "statusQueryGetUri",
    "sendEventPostUri",
    "terminatePostUri",
    "purgeHistoryDeleteUri",
    "restartPostUri",
    "suspendPostUri",
    "resumePostUri",
)
_CHECK_STATUS_1X = (
    "id",
    "statusQueryGetUri",
    "sendEventPostUri",
    "terminatePostUri",
    "rewindPostUri",
    "purgeHistoryDeleteUri",
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the outside reaches the API. ``query`` is empty, or ``code=`` and the encoded key."""

    origin: str
    base: str = PUBLIC_BASE
    query: str = ""

    def at(self, origin: str) -> "Webhook":
        return replace(self, origin=origin)

    @property
    def url(self) -> str:
        return f"{self.origin}{self.base}"


def webhook_of(hostname: str, *, key: str | None = None) -> Webhook:
    """``hostname`` may carry a port; plain HTTP is for this machine only."""
    scheme = "http" if hostname.startswith("localhost:") else "https"
    return Webhook(f"{scheme}://{hostname}", query=f"code={quote(key, safe='')}" if key else "")


@dataclass(frozen=True, slots=True)
class Door:
    """The way a request came in: ``webhook`` is what the links in its answer are made with.

    ``legacy`` is the base of 1.x and its manners. ``local`` is the endpoint for client libraries on this
    machine: they follow no pages, and take the history under a second name.
    """

    webhook: Webhook
    legacy: bool = False
    local: bool = False


@dataclass(frozen=True, slots=True)
class InstanceLinks:
    """Makes links to instances of one task hub."""

    hub: str
    connection: str

    def management(self, webhook: Webhook, instance_id: str, *, failure_is_500: bool = False) -> dict[str, str]:
        """All nine members, in the order of the reference host; ``{eventName}`` and ``{text}`` are placeholders."""
        # A blank as %20: in a path, "+" is a plus sign, and the link would lead to another instance.
        url = f"{webhook.url}/instances/{_form_encoded(instance_id).replace('+', '%20')}"
        target = f"taskHub={_form_encoded(self.hub)}&connection={_form_encoded(self.connection)}"
        query = f"{target}&{webhook.query}" if webhook.query else target
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{url}?{query}{'&returnInternalServerErrorOnFailure=true' if failure_is_500 else ''}",
            "sendEventPostUri": f"{url}/raiseEvent/{{eventName}}?{query}",
            "terminatePostUri": f"{url}/terminate?reason={{text}}&{query}",
            "rewindPostUri": f"{url}/rewind?reason={{text}}&{query}",
            "purgeHistoryDeleteUri": f"{url}?{query}",
            "restartPostUri": f"{url}/restart?{query}",
            "suspendPostUri": f"{url}/suspend?reason={{text}}&{query}",
            "resumePostUri": f"{url}/resume?reason={{text}}&{query}",
        }

    def check_status(self, door: Door, instance_id: str, *, failure_is_500: bool = False) -> dict[str, str]:
        """The members that a start answers with: no rewind link, and fewer of them for 1.x."""
        links = self.management(door.webhook, instance_id, failure_is_500=failure_is_500)
        return {name: links[name] for name in (_CHECK_STATUS_1X if door.legacy else _CHECK_STATUS)}


def client_binding(
    webhook: Webhook, links: InstanceLinks, *, rpc_base_url: str | None, connection_name: str | None = None
) -> str:
    """The JSON text of a client binding. ``rpc_base_url`` ends with a slash: client libraries append to it.

    ``connection_name`` is the binding's own, None when it names none.
    """
    create = f"{webhook.url}/orchestrators/{{functionName}}[/{{instanceId}}]"
    wait = f"{create}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}"
    payload = {
        "taskHubName": links.hub,
        "connectionName": connection_name,
        "creationUrls": {
            "createNewInstancePostUri": f"{create}?{webhook.query}" if webhook.query else create,
            "createAndWaitOnNewInstancePostUri": f"{wait}&{webhook.query}" if webhook.query else wait,
        },
        "managementUrls": links.management(webhook, INSTANCE_PLACEHOLDER),
        "baseUrl": webhook.url,
        "requiredQueryStringParameters": webhook.query,
        "rpcBaseUrl": rpc_base_url,
        "httpBaseUrl": None,
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _form_encoded(text: str) -> str:
    """As .NET encodes forms: blanks become ``+``, hex digits are upper case, ``!*()`` stay."""
    return quote_plus(text, safe="!*()").replace("~", "%7E")
