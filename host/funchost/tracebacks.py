"""Tracebacks as the author of an app wants them, and which code is the author's."""

import os
import sysconfig
import traceback
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType

__all__ = ["is_authors", "is_standard", "own_frames", "own_traceback", "place", "whereabouts"]

_HOST = str(Path(__file__).parent)
_STANDARD = tuple({f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib")})
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def own_frames(error: BaseException) -> TracebackType | None:
    """The traceback of ``error`` from the first frame that is not the host's; all of it when there is none."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_HOST):
        frames = frames.tb_next
    return error.__traceback__ if frames is None else frames


def own_traceback(error: BaseException) -> str:
    """What Python prints for an uncaught error, causes included, from the author's code on."""
    return "".join(traceback.format_exception(type(error), error, own_frames(error)))


def whereabouts(innermost: FrameType) -> str:
    """Where running code stands, as ``/app/function_app.py, line 12, in flow``: in the author's own code, or in the
    library that runs for it when there is none of it on the way."""
    frame: FrameType | None = innermost
    while frame is not None and not is_authors(frame.f_code):
        frame = frame.f_back
    shown = innermost if frame is None else frame
    return f"{shown.f_code.co_filename}, line {shown.f_lineno}, in {shown.f_code.co_name}"


def place(code: CodeType, line: int | None) -> str:
    """``function_app.py, line 42``; the script of a folder is named with it, since all of them have one name."""
    path = Path(code.co_filename)
    name = f"{path.parent.name}/{path.name}" if path.stem in ("__init__", "main") else path.name
    return f"{name}, line {line}"


def is_standard(filename: str) -> bool:
    """Whether code of that file belongs to Python itself."""
    return filename.startswith("<frozen ") or (filename.startswith(_STANDARD) and not _is_installed(filename))


def is_authors(code: CodeType) -> bool:
    """Whether ``code`` is of the app: not Python's, not the host's, not installed beside it."""
    return _is_of_the_app(code.co_filename)


@lru_cache(maxsize=4096)
def _is_of_the_app(filename: str) -> bool:
    return not (is_standard(filename) or _is_installed(filename) or filename.startswith(_HOST + os.sep))


def _is_installed(filename: str) -> bool:
    return any(folder in filename for folder in _INSTALLED)
