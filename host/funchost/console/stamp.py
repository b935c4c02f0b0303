"""The time in front of a line: the only place of the console that asks for it."""

import time
from functools import lru_cache

__all__ = ["now_ns", "utc_stamp"]


def now_ns() -> int:
    """Unix time."""
    return time.time_ns()


@lru_cache(maxsize=4)
def _seconds(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def utc_stamp(time_ns: int) -> str:
    """``yyyy-MM-ddTHH:mm:ss.fffZ`` of a Unix time; lines of one second share the costly part."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_seconds(seconds)}.{rest // 1_000_000:03d}Z"
