"""Tracebacks as the author of an app wants them: without the frames of the host that called."""

import traceback
from pathlib import Path
from types import TracebackType

__all__ = ["own_frames", "own_traceback"]

_HOST = str(Path(__file__).parent)


def own_frames(error: BaseException) -> TracebackType | None:
    """The traceback of ``error`` from the first frame that is not the host's; all of it when there is none."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_HOST):
        frames = frames.tb_next
    return error.__traceback__ if frames is None else frames


def own_traceback(error: BaseException) -> str:
    """What Python prints for an uncaught error, causes included, from the author's code on."""
    return "".join(traceback.format_exception(type(error), error, own_frames(error)))
