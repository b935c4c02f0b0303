"""Which files of an app folder matter, and a thread that tells when they change."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Snapshot", "Watched", "Watcher"]

IGNORED_FOLDERS = frozenset((".venv", "venv", "__pycache__", ".funchost", ".git", "node_modules", ".python_packages"))
WATCHED_FILES = frozenset(("host.json", "function.json", "function.yaml", "function.yml", "local.settings.json"))

# Editors and version control write several files, and each in several steps.
QUIET_MS = 60
DEBOUNCE_MS = 400
# Some file systems (network shares, folders shared with a container) report no changes, and a change may
# come before its watch is set up: look anyway, once a second, or less often where looking takes long.
LOOK_ANYWAY_S = 1.0
LOOK_ANYWAY_SHARE = 1 / 400


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The folders to watch and the files that matter, by path relative to the root, with time and size."""

    folders: frozenset[str]
    files: dict[str, tuple[int, int]]

    def changed_since(self, before: "Snapshot") -> list[str]:
        """Files that appeared, disappeared or differ, sorted."""
        names = self.files.keys() | before.files.keys()
        return sorted(name for name in names if self.files.get(name) != before.files.get(name))


@dataclass(frozen=True, slots=True)
class Watched:
    """What belongs to the app in ``root``: its code and settings, not its data and its dependencies.

    ``also_files`` are names at any depth, ``also_folders`` first-level folders (``watchFiles`` and
    ``watchDirectories`` of host.json); ``data_dir`` is never looked into.
    """

    root: Path
    data_dir: Path
    also_files: frozenset[str] = field(default_factory=frozenset[str])
    also_folders: frozenset[str] = field(default_factory=frozenset[str])

    def look(self) -> Snapshot:
        folders: set[str] = set()
        files: dict[str, tuple[int, int]] = {}
        for folder, names, file_names in os.walk(self.root):
            names[:] = [name for name in names if self._looks_into(os.path.join(folder, name))]
            folders.add(folder)
            for name in file_names:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if self.cares_for(path) and (state := _state(os.path.join(folder, name))):
                    files[path] = state
        return Snapshot(frozenset(folders), files)

    def cares_for(self, path: str) -> bool:
        """``path`` is relative to the root and in none of the ignored folders."""
        first, _, rest = path.partition(os.sep)
        name = os.path.basename(path)
        known = name.endswith(".py") or name in WATCHED_FILES or name in self.also_files
        return known or (bool(rest) and first in self.also_folders)

    def _looks_into(self, folder: str) -> bool:
        if os.path.basename(folder) in IGNORED_FOLDERS or folder == str(self.data_dir):
            return False
        return not os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def _state(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class Watcher:
    """A lifetime: from :meth:`start` to :meth:`stop`, ``changed`` is called, on a thread of its own, with the
    files that changed together.

    Reports of the file system only say *when* to look; what changed is the difference of two snapshots. So
    nothing is lost while a watch is being set up, and touching a file without changing it reloads nothing.
    """

    def __init__(self, watched: Watched, changed: Callable[[list[str]], None]) -> None:
        self._watched = watched
        self._changed = changed
        self._stop = threading.Event()
        self._seen = watched.look()
        self._look_anyway_s = LOOK_ANYWAY_S
        self._thread = threading.Thread(target=self._run, name="funchost-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        # Imported here, beside the worker's own start, and not before it.
        from watchfiles import watch

        while not self._stop.is_set():
            folders, looking_each_s = self._seen.folders, self._look_anyway_s
            # Folder by folder: watching the root with all below it would set up a watch for each of the
            # thousands of folders of a virtual environment.
            reports = watch(
                *folders,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=QUIET_MS,
                rust_timeout=int(looking_each_s * 1000),
                yield_on_timeout=True,
                stop_event=self._stop,
                recursive=False,
            )
            for _ in reports:
                self._look_again()
                if self._seen.folders != folders or self._look_anyway_s > 2 * looking_each_s:
                    break
            reports.close()

    def _look_again(self) -> None:
        before, began = self._seen, time.monotonic()
        self._seen = self._watched.look()
        self._look_anyway_s = max(LOOK_ANYWAY_S, (time.monotonic() - began) / LOOK_ANYWAY_SHARE)
        if names := self._seen.changed_since(before):
            self._changed(names)
