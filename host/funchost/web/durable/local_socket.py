"""The socket of the local door, bound before anything is told its port."""

import socket
import sys
from collections.abc import Callable

from funchost.clock import random_fraction
from funchost.errors import ConfigError
from funchost.web.durable.links import LOCAL_BASE

__all__ = ["bind_rpc_socket", "rpc_base_url", "rpc_origin"]

PREFERRED_PORT = 17071
_FIRST_FALLBACK, _FALLBACKS = 30000, 1000
_ATTEMPTS = 10


def bind_rpc_socket(*, preferred: int = PREFERRED_PORT, chance: Callable[[], float] = random_fraction) -> socket.socket:
    """A listening socket on 127.0.0.1: ``preferred``, else a random port from 30000 to 30999.

    Connections wait in its backlog until a server takes it over. Raises ConfigError after ten ports.
    """
    ports = [preferred, *(_FIRST_FALLBACK + int(chance() * _FALLBACKS) for _ in range(_ATTEMPTS - 1))]
    for port in ports:
        try:
            return _listen(port)
        except OSError:
            continue
    raise ConfigError(
        f"no port of 127.0.0.1 for the local endpoint of durable clients: tried {', '.join(map(str, ports))}; "
        f"free port {preferred}"
    )


def rpc_origin(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def rpc_base_url(sock: socket.socket) -> str:
    """With the slash at its end that client libraries rely on."""
    return f"{rpc_origin(sock)}{LOCAL_BASE}/"


def _listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # Elsewhere it only skips the wait after a close; on Windows it would let two hosts share the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        # Bound but not listening, the port could still be taken by a host that starts at the same moment.
        sock.listen(512)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
