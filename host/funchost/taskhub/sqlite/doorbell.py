"""Waking another process that works on the same hub: one datagram to a socket file.

A ring says only "look into the database"; one that gets lost costs time, never work, because every
worker also looks by itself once a second.
"""

import hashlib
import os
import socket
import tempfile
from pathlib import Path

from funchost.ids import WorkerId

__all__ = ["Doorbell", "remove_bell", "ring"]

# sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero.
_LONGEST_ADDRESS = 100


class Doorbell:
    """The socket that others ring; its ``address`` stands in the ``worker`` table."""

    def __init__(self, folder: Path, worker: WorkerId) -> None:
        self.address = _address(folder, worker)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        Path(self.address).unlink(missing_ok=True)
        self.socket.bind(self.address)
        os.chmod(self.address, 0o600)

    def answer(self) -> None:
        """Empty it: many rings need one look."""
        try:
            while True:
                self.socket.recv(16)
        except BlockingIOError:
            return

    def close(self) -> None:
        self.socket.close()
        remove_bell(self.address)


def ring(address: str) -> None:
    """Never waits and never fails: the other may be gone, and a full socket has been rung enough."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        try:
            bell.sendto(b"!", address)
        except OSError:
            return


def remove_bell(address: str) -> None:
    """The file of a socket that nobody listens to any more; what is no socket stays."""
    path = Path(address)
    if path.is_socket():
        path.unlink(missing_ok=True)


def _address(folder: Path, worker: WorkerId) -> str:
    address = str(folder.absolute() / f"{worker}.sock")
    if len(os.fsencode(address)) <= _LONGEST_ADDRESS:
        return address
    short = hashlib.sha256(os.fsencode(address)).hexdigest()[:24]
    return str(Path(tempfile.gettempdir()) / f"funchost-{short}.sock")
