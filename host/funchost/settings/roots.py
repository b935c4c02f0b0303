"""Where the app is: the first folder upwards that looks like one."""

from pathlib import Path

from funchost.errors import ConfigError

__all__ = ["find_root"]

_MARKS = ("host.json", "local.settings.json", "function_app.py")


def find_root(start: Path) -> Path:
    """``start`` or the nearest folder above it with one of the files that mark an app. Raises ConfigError."""
    start = start.absolute()
    if not start.is_dir():
        raise ConfigError(f"{start}: is not a folder" if start.exists() else f"{start}: no such folder")
    for folder in (start, *start.parents):
        if any((folder / mark).is_file() for mark in _MARKS):
            return folder
    raise ConfigError(
        f"{start}: no host.json and no function_app.py here or above; "
        "run funchost in the folder of a function app, or name it with --script-root"
    )
