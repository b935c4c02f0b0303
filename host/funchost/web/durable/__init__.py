"""The durable HTTP API: start, look at, signal and remove instances over HTTP, and the URLs to do it with."""

from funchost.web.durable.answers import ApiRequest, ApiResponse
from funchost.web.durable.api import DurableApi
from funchost.web.durable.collector import StartRequest, start_all, start_requests
from funchost.web.durable.endpoints import Authorise, allow_everyone, local_app, public_routes
from funchost.web.durable.links import Door, InstanceLinks, Webhook, client_binding, webhook_of
from funchost.web.durable.local_socket import bind_rpc_socket, rpc_base_url, rpc_origin
from funchost.web.durable.query import QueryParameters
from funchost.web.durable.sdk_client import InProcessTransport, make_client

__all__ = [
    "ApiRequest",
    "ApiResponse",
    "Authorise",
    "Door",
    "DurableApi",
    "InProcessTransport",
    "InstanceLinks",
    "QueryParameters",
    "StartRequest",
    "Webhook",
    "allow_everyone",
    "bind_rpc_socket",
    "client_binding",
    "local_app",
    "make_client",
    "public_routes",
    "rpc_base_url",
    "rpc_origin",
    "start_all",
    "start_requests",
    "webhook_of",
]
