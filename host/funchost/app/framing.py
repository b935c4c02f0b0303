"""Why an app does not import, told with the author's own frames and the command that mends it."""

import json
import sys
import traceback
from pathlib import Path

from funchost.app.interpreter import install_command
from funchost.errors import AppImportError

__all__ = ["import_error"]

_FOREIGN = ("site-packages", "dist-packages")


def import_error(exc: BaseException, script: Path, root: Path) -> AppImportError:
    """``exc`` was raised while ``script`` was imported. Frames outside the app are left out."""
    told = traceback.TracebackException.from_exception(exc)
    _keep_own_frames(told, root)
    place = _place(told, script)
    summary = "".join(told.format_exception_only()).strip().splitlines()[-1]
    hint = _hint(exc, root)
    body = [line for chunk in told.format() for line in chunk.rstrip("\n").split("\n")]
    frame = [f"┌ {script.name} does not import", *(f"│ {line}" for line in body), f"└ {hint or summary}"]
    message = f"{place}: {script.name} does not import: {summary}"
    return AppImportError(f"{message}; {hint}" if hint else message, "\n".join(frame))


def _keep_own_frames(told: traceback.TracebackException, root: Path) -> None:
    own = [frame for frame in told.stack if _is_own(frame.filename, root)]
    told.stack[:] = own
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _keep_own_frames(other, root)


def _is_own(filename: str, root: Path) -> bool:
    path = Path(filename)
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    return not any(part in _FOREIGN for part in parts)


def _place(told: traceback.TracebackException, script: Path) -> str:
    if filename := getattr(told, "filename", None):  # only a SyntaxError has one
        return f"{filename}:{told.lineno}"
    if told.stack:
        return f"{told.stack[-1].filename}:{told.stack[-1].lineno}"
    return str(script)


def _hint(exc: BaseException, root: Path) -> str | None:
    chain = _chain(exc)
    missing = next((e for e in chain if isinstance(e, ModuleNotFoundError) and e.name), None)
    if missing is not None:
        return _missing_module(str(missing.name), root)
    if any(isinstance(e, json.JSONDecodeError) and _reads_host_json(e) for e in chain):
        return (
            "azure-functions-durable reads host.json itself when it is imported, and takes plain JSON only: "
            "remove comments, trailing commas and the byte order mark from host.json"
        )
    return None


def _missing_module(name: str, root: Path) -> str:
    package = name.partition(".")[0]
    return f"no module {package!r} in the environment of {sys.executable}; run: {install_command(root, package)}"


def _reads_host_json(exc: BaseException) -> bool:
    frames = traceback.extract_tb(exc.__traceback__)
    return any(Path(frame.filename).parts[-2:] == ("durable_functions", "__init__.py") for frame in frames)


def _chain(exc: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = exc
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found
