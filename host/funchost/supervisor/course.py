"""What the parent does when something happens. Pure: happenings in, steps out.

There is at most one worker that *serves*, at most one *candidate* that loads the app, and any number that
*retire* and finish what they began. A candidate that has loaded takes the place of the one that serves; one
that fails leaves it where it is: a mistake in an edit never takes the app down.

``LOADING -> SERVING -> RETIRING -> gone``, with one rule that is not in the table: after the first request
to stop, everything retires and nothing is started.
"""

import signal
from dataclasses import dataclass
from enum import Enum

from funchost.console.line import Tone
from funchost.supervisor.protocol import Failed, Loaded, Message, Serve, Serving, Stop
from funchost.supervisor.wish import is_same_wish

__all__ = ["Changed", "Course", "End", "Ended", "Happening", "Interrupted", "Kill", "Order", "Overdue", "Reported"]
__all__ += ["Say", "Spawn", "Step"]

# The reference host's budget: three crashes of a worker in half an hour, then it gives up.
CRASHES = 3
CRASH_WINDOW_S = 30 * 60.0
# How much longer than its own drain a worker may take before it is killed.
GRACE_S = 3.0

NAMED_FILES = 3

EXIT_STOPPED = 0
EXIT_CRASHED = 1
EXIT_REFUSED = 2
EXIT_FORCED = 130


@dataclass(frozen=True, slots=True)
class Changed:
    """Files of the app, by their path relative to its folder."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    worker: int
    report: Message


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker process is gone; ``code`` as :mod:`subprocess` counts it (negative: a signal)."""

    worker: int
    code: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl+C, or a request to terminate."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """The time of :meth:`Course.deadline` has come."""


Happening = Changed | Reported | Ended | Interrupted | Overdue


@dataclass(frozen=True, slots=True)
class Spawn:
    worker: int


@dataclass(frozen=True, slots=True)
class Order:
    worker: int
    order: Message


@dataclass(frozen=True, slots=True)
class Kill:
    worker: int


@dataclass(frozen=True, slots=True)
class Say:
    """``is_final``: the last word of a command that failed, for its error output."""

    text: str
    tone: Tone = Tone.PLAIN
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The parent ends, after everything else is done."""

    code: int


Step = Spawn | Order | Kill | Say | End


class Role(Enum):
    LOADING = "loading"
    SERVING = "serving"
    RETIRING = "retiring"


class Course:
    """The state of the parent. Times are seconds of a monotonic clock."""

    def __init__(self, *, load_timeout_s: float, drain_s: float) -> None:
        """``drain_s`` is what workers take at most to finish what runs.

        ``load_timeout_s`` 0 waits for ever, as a debugger in the app's imports needs it."""
        self._load_timeout_s = load_timeout_s
        self._drain_s = drain_s
        self._roles: dict[int, Role] = {}
        self._deadlines: dict[int, float] = {}
        self._crashes: list[float] = []
        self._count = 0
        self._stopping_since: float | None = None
        self._has_served = False

    def begin(self, now: float) -> list[Step]:
        return [self._spawn(now)]

    def deadline(self) -> float | None:
        """When to report :class:`Overdue`, unless something else happens before."""
        return min(self._deadlines.values(), default=None)

    def on(self, happening: Happening, now: float) -> list[Step]:
        match happening:
            case Changed():
                return self._on_changed(happening, now)
            case Reported():
                return self._on_reported(happening, now)
            case Ended():
                return self._on_ended(happening, now)
            case Interrupted():
                return self._on_interrupted(now)
            case Overdue():
                return self._on_overdue(now)

    def _on_changed(self, changed: Changed, now: float) -> list[Step]:
        if self._stopping_since is not None:
            return []
        steps: list[Step] = [Say(f"{_names(changed.files)} changed. Loading the app again.", Tone.HINT)]
        steps += [self._drop(worker) for worker in self._in(Role.LOADING)]
        return [*steps, self._spawn(now)]

    def _on_reported(self, reported: Reported, now: float) -> list[Step]:
        worker, role = reported.worker, self._roles.get(reported.worker)
        match reported.report:
            case Loaded() if role is Role.LOADING:
                return self._promote(worker, now)
            case Serving() if role is Role.SERVING:
                self._has_served = True
                return []
            case Failed() as failed if role in (Role.LOADING, Role.SERVING):
                self._roles[worker] = Role.RETIRING
                self._deadlines[worker] = now + GRACE_S
                return self._on_failed(failed)
            case _:
                return []

    def _promote(self, worker: int, now: float) -> list[Step]:
        steps = self._retire(self._in(Role.SERVING), now)
        self._roles[worker] = Role.SERVING
        self._deadlines.pop(worker, None)
        return [*steps, Order(worker, Serve(again=self._has_served))]

    def _on_failed(self, failed: Failed) -> list[Step]:
        text = failed.detail or failed.message
        if not self._has_served:
            return [Say(text, Tone.ERROR, is_final=True), End(EXIT_REFUSED)]
        said = Say(text, Tone.ERROR)
        if self._in(Role.SERVING):
            return [said, Say("The app as it was before the change keeps running.", Tone.WARNING)]
        return [said, Say("Nothing runs until a file of the app changes.", Tone.WARNING)]

    def _on_ended(self, ended: Ended, now: float) -> list[Step]:
        role = self._roles.pop(ended.worker, None)
        self._deadlines.pop(ended.worker, None)
        if self._stopping_since is not None:
            return [] if self._roles else [End(EXIT_STOPPED)]
        if role is Role.LOADING:
            return self._on_failed(Failed(f"The process that loaded the app {_how(ended.code)}."))
        if role is Role.SERVING:
            return self._on_crash(ended, now)
        return []

    def _on_crash(self, ended: Ended, now: float) -> list[Step]:
        self._crashes.append(now)
        self._crashes = [at for at in self._crashes if at >= now - CRASH_WINDOW_S]
        said = f"The process that ran the app {_how(ended.code)}."
        if len(self._crashes) > CRASHES or not self._has_served:
            how_often = f" It is the {len(self._crashes)}th time within 30 minutes." if self._has_served else ""
            return [
                *map(self._drop, self._in(Role.LOADING)),
                Say(said + how_often, Tone.ERROR, is_final=True),
                End(EXIT_CRASHED),
            ]
        steps: list[Step] = [Say(f"{said} Starting another.", Tone.ERROR)]
        return steps if self._in(Role.LOADING) else [*steps, self._spawn(now)]

    def _on_interrupted(self, now: float) -> list[Step]:
        if self._stopping_since is not None:
            if is_same_wish(self._stopping_since, now):
                return []
            return [*(Kill(worker) for worker in self._roles), End(EXIT_FORCED)]
        self._stopping_since = now
        if not self._roles:
            return [End(EXIT_STOPPED)]
        loading = [self._drop(worker, forget=False) for worker in self._in(Role.LOADING)]
        retiring = self._retire(self._in(Role.SERVING), now)
        return [Say("Stopping. Press Ctrl+C again to end at once.", Tone.HINT), *loading, *retiring]

    def _on_overdue(self, now: float) -> list[Step]:
        steps: list[Step] = []
        for worker in [worker for worker, deadline in self._deadlines.items() if deadline <= now]:
            was_loading = self._roles[worker] is Role.LOADING
            steps.append(self._drop(worker, forget=was_loading and self._stopping_since is None))
            if was_loading and self._stopping_since is None:
                hint = "Look for what its modules wait for, or allow more time with --timeout."
                steps += self._on_failed(Failed(f"The app did not load within {self._load_timeout_s:g} s. {hint}"))
        return steps

    def _spawn(self, now: float) -> Spawn:
        self._count += 1
        self._roles[self._count] = Role.LOADING
        if self._load_timeout_s > 0:
            self._deadlines[self._count] = now + self._load_timeout_s
        return Spawn(self._count)

    def _retire(self, workers: list[int], now: float) -> list[Step]:
        for worker in workers:
            self._roles[worker] = Role.RETIRING
            self._deadlines[worker] = now + self._drain_s + GRACE_S
        return [Order(worker, Stop()) for worker in workers]

    def _drop(self, worker: int, *, forget: bool = True) -> Kill:
        """Kill; ``forget`` when its end is of no interest any more."""
        self._deadlines.pop(worker, None)
        if forget:
            self._roles.pop(worker, None)
        return Kill(worker)

    def _in(self, role: Role) -> list[int]:
        return [worker for worker, its in self._roles.items() if its is role]


def _names(files: tuple[str, ...]) -> str:
    shown = files if len(files) <= NAMED_FILES else (*files[: NAMED_FILES - 1], f"{len(files) - NAMED_FILES + 1} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
