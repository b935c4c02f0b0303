"""The address of the local door, by the socket that it is served on."""

import socket

from funchost.web.durable.links import LOCAL_BASE

__all__ = ["rpc_base_url", "rpc_origin"]


def rpc_origin(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def rpc_base_url(sock: socket.socket) -> str:
    """With the slash at its end that client libraries rely on."""
    return f"{rpc_origin(sock)}{LOCAL_BASE}/"
