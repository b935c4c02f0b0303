"""Where the process begins, and where errors become an exit code."""

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from funchost.errors import AppImportError, ConfigError, StorageError

__all__ = ["main"]

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. ``arguments`` None: those of this process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_closed_streams()
    try:
        code = _run(words)
    except (ConfigError, StorageError) as problem:
        _complain(str(problem))
        code = EXIT_REFUSED
    except AppImportError as problem:
        _complain(problem.framed or str(problem))
        code = EXIT_REFUSED
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    _leave(code)


def _run(words: list[str]) -> int:
    # Each command is imported when it is asked for: "funchost --version" waits for none of them, and the
    # parent of a supervised app has its worker started before it loads what only it needs.
    if words[:1] == ["worker"]:
        from funchost.cli.worker import run_worker

        return run_worker(words[1], words[2:])
    from funchost.cli.arguments import parse

    options = parse(words)
    if options is None:
        return 0
    from funchost.cli.start import start

    return start(options, words)


def _replace_closed_streams() -> None:
    """A process may be started without standard streams. Whatever is opened next would get their descriptors,
    and with them the console's lines."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is taken: those below are open by now.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))


def _complain(text: str) -> None:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    sys.stderr.write(f"\x1b[91m{text}\x1b[0m\n" if coloured else f"{text}\n")


def _leave(code: int) -> NoReturn:
    """End the process, without waiting for threads that user code keeps busy: whatever they run has had its
    time to finish, and the interpreter would wait for them without a bound."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)
    raise SystemExit(code)
