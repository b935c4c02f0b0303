"""The sockets of the host. The parent opens them, so that a reload never closes a port."""

import errno
import socket
import sys
from collections.abc import Callable

from funchost.clock import random_fraction
from funchost.errors import ConfigError

__all__ = ["listen", "listen_for_clients"]

BACKLOG = 2048
# Where the SDK's client looks for the host unless its binding says otherwise, and where the reference host
# goes when that is taken.
CLIENT_PORT = 17071
_FIRST_FALLBACK, _FALLBACKS = 30000, 1000
_ATTEMPTS = 10
PROBE_TIMEOUT_S = 0.5


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one.

    Raises ConfigError when ``address`` is not an IP address of this machine or the port is taken.
    """
    family, host = _family(address)
    try:
        return _open(family, host, port)
    except OSError as problem:
        raise _refusal(problem, host, port) from problem


def listen_for_clients(*, preferred: int = CLIENT_PORT, chance: Callable[[], float] = random_fraction) -> socket.socket:
    """The local endpoint of durable clients, for this machine only: ``preferred``, else a random port from
    30000 to 30999. Raises ConfigError after ten ports."""
    ports = [preferred, *(_FIRST_FALLBACK + int(chance() * _FALLBACKS) for _ in range(_ATTEMPTS - 1))]
    for port in ports:
        try:
            return _open(socket.AF_INET, "127.0.0.1", port)
        except OSError:
            continue
    raise ConfigError(
        f"no port of 127.0.0.1 for the local endpoint of durable clients: tried {', '.join(map(str, ports))}; "
        f"free port {preferred}"
    )


def _open(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of an earlier host that still close down must not block the port.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        # Bound but not listening, the port could still be taken by a host that starts at the same moment.
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _family(address: str) -> tuple[socket.AddressFamily, str]:
    host = "127.0.0.1" if address.lower() == "localhost" else address.strip("[]")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family, host
    raise ConfigError(f"--address {address} is not an IP address; use 127.0.0.1 for this machine, 0.0.0.0 for all.")


def _refusal(problem: OSError, host: str, port: int) -> ConfigError:
    match problem.errno:
        case errno.EADDRINUSE:
            whose = _by_whom(host, port)
            return ConfigError(f"Port {port} is in use{whose}. Stop that process, or choose another port with --port.")
        case errno.EACCES:
            return ConfigError(f"Port {port} needs more rights than this user has; choose one above 1023 with --port.")
        case errno.EADDRNOTAVAIL:
            return ConfigError(f"--address {host} is not an address of this machine; use 127.0.0.1 or 0.0.0.0.")
        case _:
            return ConfigError(f"Cannot listen on {host}:{port}: {problem.strerror or problem}.")


def _by_whom(host: str, port: int) -> str:
    """Our servers name themselves in every answer."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((target, port), timeout=PROBE_TIMEOUT_S) as probe:
            probe.sendall(b"HEAD /admin/host/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = probe.recv(4096).lower()
    except OSError:
        return ""
    return " by another funchost" if b"\r\nserver: funchost" in answer else ""
