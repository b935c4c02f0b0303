"""Running an app in this process: what a worker does on order, and ``--no-reload`` at once."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from funchost.app import FunctionApp, load_app
from funchost.cli.arguments import StartOptions
from funchost.clock import new_guid
from funchost.console.filters import parse_levels
from funchost.console.greeting import blank, hint
from funchost.console.line import Tone
from funchost.console.listing import function_list, loopback_url
from funchost.console.look import Look
from funchost.console.session import Console
from funchost.console.stamp import now_ns
from funchost.errors import AppImportError, ConfigError
from funchost.settings import Settings, find_root, load_settings
from funchost.supervisor.wish import is_same_wish

__all__ = ["LoadedApp", "load", "serve_here", "serve_loaded"]

EXIT_FORCED = 130

OnStop = Callable[[Callable[[], None]], None]
"""Registers what is called when it is time to stop, from any thread."""


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """An app that could be served, with the console that its code already writes to."""

    settings: Settings
    app: FunctionApp
    console: Console
    sockets: Sequence[socket.socket]
    drain_s: float

    @property
    def url(self) -> str:
        return loopback_url(self.settings.address, self.settings.port)


@contextmanager
def load(options: StartOptions, sockets: Sequence[socket.socket]) -> Generator[LoadedApp]:
    """Read the settings, take over the console and import the app; ``sockets`` listen already.

    Raises ConfigError and AppImportError. Changes the environment of this process as the settings ask.
    """
    # The port that was bound, which may differ from the one in the settings: 0 takes any.
    flags = {**options.flags, "port": str(sockets[0].getsockname()[1])}
    settings, _ = load_settings(find_root(Path(options.script_root)), os.environ, flags)
    os.environ.update(settings.values)
    with Console(
        Look.of(settings.log_format, os.environ, colours=settings.logging.colours),
        verbose=settings.verbose,
        levels=parse_levels(settings.logging.levels),
        debug_logging=settings.setting("PYTHON_ENABLE_DEBUG_LOGGING") != "0",
    ) as console:
        app = load_app(settings.root, settings)
        for note in app.notes:
            console.say(note, Tone.WARNING)
        _check_mistakes(app, console)
        yield LoadedApp(settings, app, console, sockets, options.drain_s)


def _check_mistakes(app: FunctionApp, console: Console) -> None:
    """A mistake in one file of decorated functions is a mistake of the app; function folders stand for
    themselves, and only an app that has none left is refused."""
    mistaken = [f for f in app.functions if f.mistaken and not f.disabled]
    if not mistaken:
        return
    problems = "\n".join(f"{f.problem}" for f in mistaken)
    if any(f.model == "decorators" for f in mistaken) or not any(f.runs for f in app.functions):
        if framed := "\n".join(f.framed for f in mistaken if f.framed):
            raise AppImportError(problems, framed)
        raise ConfigError(problems)
    for function in mistaken:
        console.say(function.framed or function.problem or "", Tone.ERROR)


def serve_loaded(loaded: LoadedApp, *, again: bool, ready: Callable[[], None], on_stop: OnStop) -> None:
    """Serve until stopped. ``ready`` is called when requests are answered and the functions are listed.

    ``again``: in place of a worker that has said what a start says.
    """
    # The web stack is imported after the app: a mistake in the app is shown that much earlier.
    from funchost.service import Host

    async def run() -> None:
        loop = asyncio.get_running_loop()
        host = Host(loaded.settings, loaded.app, sockets=loaded.sockets, drain_s=loaded.drain_s)
        if not again:
            loaded.console.say(host.store.sentence, Tone.WARNING if host.store.is_surprise else Tone.FAINT)

        def announce() -> None:
            _announce(loaded, host.app, again=again)
            ready()

        on_stop(lambda: loop.call_soon_threadsafe(host.stop) and None)
        await host.run(ready=announce)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())


def serve_here(options: StartOptions, sockets: Sequence[socket.socket]) -> int:
    """Load and serve in this process until a signal asks it to end; the exit code."""
    with load(options, sockets) as loaded:
        signals = _Signals(loaded.console)
        serve_loaded(loaded, again=False, ready=lambda: None, on_stop=signals.on_stop)
    return 0


class _Signals:
    """The first Ctrl+C or SIGTERM stops in order, the second ends the process at once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stop: Callable[[], None] | None = None
        self._asked_at: float | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def on_stop(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        if self._asked_at is not None:
            stop()

    def _on_signal(self, *_: object) -> None:
        now = time.monotonic()
        if self._asked_at is not None:
            if is_same_wish(self._asked_at, now):
                return
            os._exit(EXIT_FORCED)
        self._asked_at = now
        self._console.say("Stopping. Press Ctrl+C again to end at once.", Tone.HINT)
        if self._stop is not None:
            self._stop()


def _announce(loaded: LoadedApp, app: FunctionApp, *, again: bool) -> None:
    settings, console = loaded.settings, loaded.console
    # Editors wait for the first and the last of these texts before they attach or send requests.
    console.say("Worker process started and initialized.")
    console.show([blank(now_ns())])
    prefix = settings.http.route_prefix
    console.show(function_list(now_ns(), app, url=loaded.url, route_prefix=prefix))
    if again:
        return
    if not settings.verbose:
        console.show([hint(now_ns())])
    console.say(f"Host lock lease acquired by instance ID '{new_guid()}'.")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        # Not made for Windows and for other interpreters than CPython.
        return None
    return uvloop.new_event_loop
