"""``funchost start``: checks what can be checked without the app, then runs it, supervised or not."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from funchost import __version__, datafolder
from funchost.cli.arguments import StartOptions
from funchost.console.greeting import banner
from funchost.console.line import Tone
from funchost.console.look import Look
from funchost.console.printer import Printer
from funchost.console.stamp import now_ns
from funchost.errors import ConfigError
from funchost.settings import Settings, find_root, load_settings
from funchost.settings.host_file import find_member
from funchost.supervisor.listening import listen, listen_for_clients

__all__ = ["start"]

_DEBUGGERS = ("pydevd", "debugpy", "pdb", "bdb")


def start(options: StartOptions, words: Sequence[str]) -> int:
    """Run until stopped; the exit code. ``words`` is the command line that ``options`` came from.

    Raises ConfigError, AppImportError and StorageError for what keeps the app from starting.
    """
    root = find_root(Path(options.script_root))
    settings, notes = load_settings(root, os.environ, options.flags)
    look = Look.of(settings.log_format, os.environ, colours=settings.logging.colours)
    printer = Printer(look)
    supervised = options.reload and sys.platform != "win32"
    environ = _environment(settings)
    if not supervised:
        _restart_with(environ)
    sockets = (listen(settings.address, settings.port), listen_for_clients())
    port = sockets[0].getsockname()[1]
    lock = datafolder.HostLock(settings.data_dir, port=port)
    _greet(printer, [*_remarks(options, other=lock.take()), *notes])
    try:
        if supervised:
            return _supervised(options, settings, words, environ, printer, [s.fileno() for s in sockets])
        from funchost.cli.serving import serve_here

        return serve_here(options, sockets)
    finally:
        lock.release()


def _supervised(
    options: StartOptions,
    settings: Settings,
    words: Sequence[str],
    environ: Mapping[str, str],
    printer: Printer,
    sockets: Sequence[int],
) -> int:
    from funchost.supervisor.run import supervise
    from funchost.supervisor.watching import Watched
    from funchost.supervisor.worker import WorkerCommand

    return supervise(
        WorkerCommand(words, environ, sockets),
        Watched(settings.root, settings.data_dir, *_also_watched(settings)),
        printer,
        Printer(Look.of("text", os.environ, file=2), file=2),
        load_timeout_s=options.load_timeout_s,
        drain_s=options.drain_s,
    )


def _greet(printer: Printer, remarks: Sequence[str]) -> None:
    printer.show(banner(now_ns(), version=__version__, python=sys.version.split()[0]))
    for remark in remarks:
        printer.say(remark, Tone.WARNING)


def _remarks(options: StartOptions, *, other: str | None) -> list[str]:
    remarks = [f"{option} has no effect here." for option in options.without_effect]
    if options.reload and sys.platform == "win32":
        remarks.append("Changed files are not noticed on Windows yet; start again to load them.")
    if other is not None:
        remarks.append(f"Another funchost runs on this folder ({other}). Both work on the same task hub.")
    return remarks


def _also_watched(settings: Settings) -> tuple[frozenset[str], frozenset[str]]:
    files, folders = (find_member(settings.host_json, [key]) or () for key in ("watchFiles", "watchDirectories"))
    return frozenset(map(str, files)), frozenset(map(str, folders))


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of workers: ours, with the hash seed of the task hub unless the user has chosen one."""
    environ = dict(os.environ)
    if not environ.get("PYTHONHASHSEED"):
        try:
            datafolder.prepare(settings.data_dir)
            environ["PYTHONHASHSEED"] = str(datafolder.hash_seed(settings.data_dir, settings.durable.hub_name))
        except ConfigError:
            # An app without durable functions keeps no state and runs anywhere; for others the service
            # refuses the folder when it opens the task hub.
            pass
    return environ


def _restart_with(environ: Mapping[str, str]) -> None:
    """Begin again in this very process with the hash seed, which Python only reads at its start.

    Not under a debugger: it would lose its hold. Sets then iterate in another order after each start.
    """
    chosen = environ.get("PYTHONHASHSEED") == os.environ.get("PYTHONHASHSEED")
    debugged = sys.gettrace() is not None or any(name in sys.modules for name in _DEBUGGERS)
    if chosen or debugged or sys.platform == "win32" or not _is_program():
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environ))


def _is_program() -> bool:
    """Whether this process exists for the command line, and is not a test or a tool that calls it."""
    program = os.path.basename(sys.argv[0])
    return program in ("funchost", "__main__.py") and "funchost" in " ".join(sys.orig_argv)
