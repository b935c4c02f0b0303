"""The sockets of the host. The parent opens them, so that a reload never closes a port."""

import errno
import socket
import sys

from funchost.errors import ConfigError

__all__ = ["listen", "listen_anywhere"]

BACKLOG = 2048
PROBE_TIMEOUT_S = 0.5


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one.

    Raises ConfigError when ``address`` is not an IP address of this machine or the port is taken.
    """
    family, host = _family(address)
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of an earlier host that still close down must not block the port.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except OSError as problem:
        opened.close()
        raise _refusal(problem, host, port) from problem
    return opened


def listen_anywhere(port: int) -> socket.socket:
    """On this machine only: ``port`` if it is free, another one if it is not."""
    try:
        return listen("127.0.0.1", port)
    except ConfigError:
        return listen("127.0.0.1", 0)


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
