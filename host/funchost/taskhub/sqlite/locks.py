"""Kernel locks: who may write now, and which workers are alive.

A kernel lock ends with its process, at once and whatever the reason, and never because time passed: a
machine that slept, a debugger or a changed clock takes nothing away from the living.
"""

import os
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from funchost.errors import ConfigError
from funchost.ids import WorkerId

try:
    import fcntl
except ImportError as exc:
    raise ConfigError(
        "This app has durable functions, and their state needs file locks that Linux and macOS have and this system "
        "does not; run the app there: on Windows in WSL or in a container."
    ) from exc

__all__ = ["FileLock", "WorkerLocks"]


class FileLock:
    """One open lock file. Not inherited by what user code starts, forks included."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Raises FileNotFoundError when there is no file and none is to be created."""
        self.path = path
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        _OPEN.add(self)

    def acquire(self) -> None:
        """Waits for whoever holds it; several locks of one process exclude each other too."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def is_free(self) -> bool:
        """Does nobody hold it? Probing disturbs no other probe and delays a taker for an instant only."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.release()
        return True

    def is_at_its_path(self) -> bool:
        """False when the file was removed, or replaced by another, after it was opened here."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def close(self) -> None:
        """Releases it as well, unless a fork in another language kept a copy."""
        descriptor, self._fd = self._fd, None
        if descriptor is not None:
            os.close(descriptor)

    @property
    def _descriptor(self) -> int:
        assert self._fd is not None, "used after close"
        return self._fd


_OPEN: "weakref.WeakSet[FileLock]" = weakref.WeakSet()


def _forget_in_child() -> None:
    # A forked child shares our locks: were its copies left open, a killed worker would look alive for
    # as long as any process that user code forked.
    for lock in list(_OPEN):
        lock.close()


os.register_at_fork(after_in_child=_forget_in_child)


class WorkerLocks:
    """The locks of all workers of one data folder: ``<folder>/<worker>.lock``. Implements ``Liveness``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, worker: WorkerId) -> FileLock:
        """From now on ``worker`` is alive, until the lock is closed or this process ends."""
        while True:
            lock = FileLock(self._path(worker))
            lock.acquire()
            # Someone who tidies up may have removed the file between our open and our lock.
            if lock.is_at_its_path():
                return lock
            lock.close()

    def is_alive(self, worker: WorkerId) -> bool:
        try:
            lock = FileLock(self._path(worker), create=False)
        except FileNotFoundError:
            return False
        try:
            return not lock.is_free()
        finally:
            lock.close()

    def forget(self, worker: WorkerId) -> None:
        """Remove the file of a worker that is dead or is leaving."""
        self._path(worker).unlink(missing_ok=True)

    def _path(self, worker: WorkerId) -> Path:
        return self._folder / f"{worker}.lock"
