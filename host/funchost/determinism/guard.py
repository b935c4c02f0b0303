"""Whom to watch, for how long, and what to say of a call once it is seen.

A profile function costs the code around it several times its own time, so it is there for code that runs for the
first time only, for the first replay of a function in this process, and until a function has run cleanly often
enough. Where somebody else profiles the thread, nobody is watched.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import CodeType, FrameType
from typing import Any

from funchost.determinism.rules import BUILTINS, Rule, is_harmless, rule_of
from funchost.tracebacks import is_authors, place

__all__ = ["DeterminismGuard"]

CLEAN_STRETCHES = 200

_UNWATCHED = nullcontext()


class DeterminismGuard:
    """Asked for each run of an orchestrator whether to watch it.

    ``tell`` gets the name of an orchestrator and one line, once for each line of code that calls what it must
    not; on any thread.
    """

    def __init__(self, tell: Callable[[str, str], None], *, clean_stretches: int = CLEAN_STRETCHES) -> None:
        self._tell = tell
        self._clean_stretches = clean_stretches
        self._functions: dict[str, _Watched] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> "_Run | None":
        watched = self._functions.get(name)
        if watched is None:
            with self._lock:
                watched = self._functions.setdefault(name, _Watched(name, self._tell, self._clean_stretches))
        return _Run(watched) if watched.stretches_left > 0 else None


class _Watched:
    """One orchestrator: how long it is still watched, and which lines were told of."""

    def __init__(self, name: str, tell: Callable[[str, str], None], stretches: int) -> None:
        self.stretches_left = stretches
        self.replayed_by: _Run | None = None
        self._name = name
        self._tell = tell
        self._stretches = stretches
        self._told: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def found(self, rule: Rule, site: FrameType) -> None:
        line = site.f_lineno
        with self._lock:
            if (site.f_code.co_filename, line) in self._told:
                return
            self._told.add((site.f_code.co_filename, line))
            self.stretches_left = self._stretches
        self._tell(
            self._name,
            f"Orchestrator '{self._name}' calls {rule.call} ({place(site.f_code, line)}), which {rule.why}; "
            f"{rule.instead} instead. (extensions.funchost.determinismWarnings in host.json switches this off.)",
        )


class _Run:
    """One run of an orchestrator."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched

    def __call__(self, *, replaying: bool) -> AbstractContextManager[object]:
        watched = self._watched
        if replaying:
            if watched.replayed_by is None:
                watched.replayed_by = self
            if watched.replayed_by is not self:
                return _UNWATCHED
        if watched.stretches_left <= 0 or sys.getprofile() is not None:
            return _UNWATCHED
        watched.stretches_left -= 1
        return _Stretch(watched)


class _Stretch:
    """The author's code between two yields, under a profile function of its thread."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched
        self._border: FrameType | None = None

    def __enter__(self) -> None:
        self._border = sys._getframe(1)
        sys.setprofile(self._see)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._border = None

    def _see(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            rule = BUILTINS.get(arg)
            if rule is not None:
                self._judge(rule, frame)
        elif event == "call":
            rule = _RULES.of(frame)
            if rule is not None and (rule.applies is None or rule.applies(frame)):
                self._judge(rule, frame.f_back)
        elif event == "return" and frame is self._border:
            # An exception from another thread may have kept the exit from being run to its end.
            sys.setprofile(None)

    def _judge(self, rule: Rule, caller: FrameType | None) -> None:
        site = self._site(caller, direct=rule.direct)
        if site is not None:
            self._watched.found(rule, site)

    def _site(self, caller: FrameType | None, *, direct: bool) -> FrameType | None:
        """The nearest frame of the app's own code; None when the call is not its doing."""
        while caller is not None and caller is not self._border:
            if is_authors(caller.f_code):
                # A module that is imported here runs once in a process, replayed or not.
                return None if caller.f_code.co_name == "<module>" else caller
            if direct or is_harmless(caller):
                return None
            caller = caller.f_back
        return None


class _RuleCache:
    """The rule of each function that was called, looked up once."""

    def __init__(self) -> None:
        # By identity, and with the code, so that the identity stays its own: hashing code is slow.
        self._known: dict[int, tuple[CodeType, Rule | None]] = {}

    def of(self, frame: FrameType) -> Rule | None:
        code = frame.f_code
        known = self._known.get(id(code))
        if known is None:
            known = self._known[id(code)] = code, rule_of(code, str(frame.f_globals.get("__name__", "")))
        return known[1]


_RULES = _RuleCache()
