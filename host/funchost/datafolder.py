"""The folder where funchost keeps its state, ``.funchost`` in the app folder unless the user moved it.

What can be wrong with a folder (read-only, full, a file in its place) is told here in one sentence each.
"""

import errno
import json
import os
from pathlib import Path
from typing import IO

from funchost.errors import ConfigError

__all__ = ["HostLock", "hash_seed", "prepare", "unusable"]

_REMEDIES = {
    errno.EROFS: "the file system is read-only; choose another place with --data-dir",
    errno.EACCES: "permission denied; choose another place with --data-dir",
    errno.EPERM: "permission denied; choose another place with --data-dir",
    errno.ENOSPC: "the disk is full; free some space or choose another place with --data-dir",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place with --data-dir",
    errno.ENOTDIR: "a file is in the way; remove it or choose another place with --data-dir",
    errno.EEXIST: "a file is in the way; remove it or choose another place with --data-dir",
}

# PYTHONHASHSEED takes 32 bits; 0 would switch randomisation off.
_SEED_BYTES = 4


def prepare(folder: Path) -> None:
    """Create ``folder`` with a ``.gitignore`` that keeps all of it out of version control.

    Raises ConfigError when the folder cannot be written.
    """
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable", str(folder))
    except OSError as problem:
        raise unusable(folder, problem) from problem


def unusable(folder: Path, problem: OSError) -> ConfigError:
    """The sentence for ``problem``, with the remedy."""
    reason = _REMEDIES.get(problem.errno or 0, problem.strerror or str(problem))
    return ConfigError(f"{folder}: funchost cannot keep its state here: {reason}.")


def hash_seed(folder: Path, hub: str) -> int:
    """The PYTHONHASHSEED of all processes that work on task hub ``hub``: drawn once, then kept.

    An orchestrator that iterates over a set must meet the same order when it is replayed, in whichever
    process that happens. Raises ConfigError when it cannot be stored.
    """
    path = folder / "hubs" / f"{hub.lower()}.seed"
    seed = int.from_bytes(os.urandom(_SEED_BYTES)) or 1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place: of two hosts that start together, one seed wins, and
        # neither can read a half-written file.
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.write_text(str(seed), encoding="ascii")
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        return int(path.read_text(encoding="ascii"))
    except OSError as problem:
        raise unusable(folder, problem) from problem
    except ValueError as problem:
        raise ConfigError(f"{path} does not hold a number; remove the file.") from problem


class HostLock:
    """Held by every host that runs on a data folder, so that a second one can say that it is not alone.

    Several may run: they share the task hub. The kernel drops the lock with its process.
    """

    def __init__(self, folder: Path, *, port: int) -> None:
        self._path = folder / "host.lock"
        self._port = port
        self._file: IO[str] | None = None

    def take(self) -> str | None:
        """Who else holds it, in words; None when nobody does, or when this system cannot tell."""
        try:
            import fcntl
        except ImportError:
            return None
        try:
            self._file = self._path.open("a+", encoding="utf-8")
        except OSError:
            return None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = self._read()
            fcntl.flock(self._file, fcntl.LOCK_SH)
            return other
        self._write()
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self) -> str:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return f"process {int(told['pid'])}, port {int(told['port'])}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def _write(self) -> None:
        assert self._file is not None
        try:
            self._file.truncate(0)
            self._file.write(json.dumps({"pid": os.getpid(), "port": self._port}))
            self._file.flush()
        except OSError:
            return
