"""Tracebacks as the author of an app wants them: without the frames of the host that called."""

import sysconfig
import traceback
from pathlib import Path
from types import FrameType, TracebackType

__all__ = ["own_frames", "own_traceback", "whereabouts"]

_HOST = str(Path(__file__).parent)
_LIBRARIES = (_HOST, *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


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
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back
    shown = innermost if frame is None else frame
    return f"{shown.f_code.co_filename}, line {shown.f_lineno}, in {shown.f_code.co_name}"
