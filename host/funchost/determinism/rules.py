"""Which calls an orchestrator must not make, and what to write instead.

Reading the environment is not among them: settings change with the code, at a restart, and nearly all who read
them in an orchestrator mean just that.
"""

import builtins
import datetime
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

from funchost.tracebacks import is_standard

__all__ = ["BUILTINS", "Rule", "is_harmless", "rule_of"]


@dataclass(frozen=True, slots=True)
class Rule:
    """``call`` is what the author reads, ``why`` and ``instead`` complete the sentence.

    ``direct``: only the author's own call counts, since libraries do the like for reasons of their own.
    ``applies`` looks at the frame of the function that was called.
    """

    call: str
    why: str
    instead: str
    direct: bool = False
    applies: Callable[[FrameType], bool] | None = None


_DIFFERS = "gives another value in every replay"
_IN_AN_ACTIVITY = "do it in an activity"
_CLOCK = Rule("", _DIFFERS, "use context.current_utc_datetime")
_RANDOM = Rule("", _DIFFERS, "draw it in an activity, or from random.Random(context.new_uuid())")
_UUID = Rule("", _DIFFERS, "use context.new_uuid() or context.new_guid()")
_SLEEP = Rule("time.sleep()", "waits anew in every replay, and keeps a thread", "use context.create_timer(...)")
_NETWORK = Rule("", "asks again, and may hear otherwise, in every replay", "use context.call_http(...) or an activity")
_FILE = Rule("", "finds what the file holds by then in every replay", f"{_IN_AN_ACTIVITY} and return it", direct=True)
_START = Rule("", "starts it anew in every replay", _IN_AN_ACTIVITY, direct=True)


def _named(rule: Rule, calls: Mapping[str, Any]) -> dict[Any, Rule]:
    return {function: replace(rule, call=f"{name}()") for name, function in calls.items()}


_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")

BUILTINS: Mapping[Any, Rule] = {
    **_named(
        _CLOCK,
        {
            "datetime.now": datetime.datetime.now,
            "datetime.utcnow": getattr(datetime.datetime, "utcnow", None),  # deprecated
            "datetime.today": datetime.datetime.today,
            "date.today": datetime.date.today,
            **{f"time.{name}": getattr(time, name) for name in _CLOCKS},
        },
    ),
    **_named(_RANDOM, {f"random.{name}": getattr(random, name) for name in ("random", "getrandbits")}),
    **_named(_RANDOM, {"os.urandom": os.urandom}),
    **_named(_FILE, {"open": builtins.open}),
    time.sleep: _SLEEP,
}
"""Functions written in C, as the author calls them under whatever name. A bound one equals another of the same
object: ``datetime.now`` is a new object at each look."""


def _draws_by_chance(frame: FrameType) -> bool:
    """Not from a generator of the author's own: one with a seed repeats itself."""
    drawn_from = frame.f_locals.get("self")
    return drawn_from is getattr(random, "_inst", None) or isinstance(drawn_from, random.SystemRandom)


_PYTHON: Mapping[tuple[str, str], Rule] = {
    **{("uuid", name): replace(_UUID, call=f"uuid.{name}()") for name in ("uuid1", "uuid4", "uuid6", "uuid7")},
    **{
        ("secrets", name): replace(_RANDOM, call=f"secrets.{name}()")
        for name in ("token_bytes", "token_hex", "token_urlsafe", "randbelow")
    },
    **{
        ("pathlib", f"Path.{name}"): replace(_FILE, call=f"Path.{name}()")
        for name in ("open", "read_text", "read_bytes", "write_text", "write_bytes")
    },
    ("threading", "Thread.start"): replace(_START, call="Thread.start()"),
    ("concurrent.futures.thread", "ThreadPoolExecutor.submit"): replace(_START, call="ThreadPoolExecutor.submit()"),
    ("concurrent.futures.process", "ProcessPoolExecutor.submit"): replace(_START, call="ProcessPoolExecutor.submit()"),
    ("asyncio.runners", "run"): replace(_START, call="asyncio.run()"),
    ("subprocess", "run"): replace(_START, call="subprocess.run()"),
    ("subprocess", "Popen.__init__"): replace(_START, call="subprocess.Popen()"),
}
_NETWORK_MODULES = frozenset(
    {"aiohttp", "ftplib", "http.client", "httpx", "requests", "smtplib", "socket", "urllib.request", "urllib3"}
)
_HARMLESS_PACKAGES = frozenset(
    # Of those, the watchers of others: what they note of the time is nobody's input.
    {"azure", "coverage", "ddtrace", "debugpy", "funchost", "loguru", "newrelic", "opentelemetry", "pydevd"}
    | {"pydantic", "rich", "sentry_sdk", "structlog"}
)


def rule_of(code: CodeType, module: str) -> Rule | None:
    """The rule for a function written in Python."""
    rule = _PYTHON.get((module, code.co_qualname))
    if rule is not None:
        return rule
    if module == "random" and code.co_qualname.startswith(("Random.", "SystemRandom.")):
        return replace(_RANDOM, call=f"random.{code.co_name}()", applies=_draws_by_chance)
    library = module if module in _NETWORK_MODULES else module.partition(".")[0]
    return replace(_NETWORK, call=library) if library in _NETWORK_MODULES else None


def is_harmless(frame: FrameType) -> bool:
    """Whether what is called from there is none of the author's doing: a log record takes the time, say."""
    if is_standard(frame.f_code.co_filename):
        return True
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _HARMLESS_PACKAGES
