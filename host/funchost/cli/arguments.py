"""The command line as a value."""

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from funchost import __version__
from funchost.errors import ConfigError

__all__ = ["StartOptions", "parse"]

# Options of the reference command line that ask for nothing here, with the number of words they take.
_WITHOUT_EFFECT = {
    "--language-worker": 1,
    "--useHttps": 0,
    "--cert": 1,
    "--password": 1,
    "--enableAuth": 0,
    "--no-build": 0,
    "--runtime": 1,
    "--user-log-level": 1,
    "--enable-json-output": 0,
    "--json-output-file": 1,
    "--offline": 0,
    "--debug": 0,
    "--pause-on-error": 0,
    "--python": 0,
}


@dataclass(frozen=True, slots=True)
class StartOptions:
    """``funchost start``. ``flags`` are what overrides settings, by the names that the settings know;
    None where the user said nothing. ``load_timeout_s`` 0: no limit.

    ``drain_s`` bounds how long a stop waits for what runs; the reference host bounds its stop alike.
    """

    script_root: str = "."
    flags: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reload: bool = True
    load_timeout_s: float = 20.0
    drain_s: float = 10.0
    without_effect: tuple[str, ...] = ()


def parse(words: Sequence[str]) -> StartOptions | None:
    """What was asked; None when only help was asked for and printed. Raises ConfigError for a mistake,
    SystemExit after printing the version or help."""
    parser = _parser()
    # The reference command line knows "host start" too.
    given = parser.parse_args(words[1:] if list(words[:2]) == ["host", "start"] else words)
    if given.command is None:
        parser.print_help()
        return None
    return StartOptions(
        script_root=given.script_root,
        flags={
            "port": given.port,
            "address": given.address,
            "cors": given.cors,
            "cors_credentials": given.cors_credentials or None,
            "functions": given.functions,
            "verbose": given.verbose or None,
            "storage": given.storage,
            "log_format": given.log_format,
            "data_dir": given.data_dir,
        },
        reload=not given.no_reload,
        load_timeout_s=given.timeout,
        without_effect=tuple(option for option in _WITHOUT_EFFECT if getattr(given, _attribute(option)) is not None),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}\nSee {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="funchost", description="Runs function apps written in Python.", allow_abbrev=False)
    parser.add_argument("-v", "--version", action="version", version=__version__, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    _add_start(commands.add_parser("start", help="run the app in this folder", allow_abbrev=False))
    return parser


def _add_start(start: argparse.ArgumentParser) -> None:
    start.description = "Runs the app in this folder, or in the nearest one above that holds an app."
    start.add_argument("-p", "--port", help="listen on this port (default 7071; 0 takes a free one)")
    start.add_argument("--address", help="listen on this IP address (default 127.0.0.1)")
    start.add_argument(
        "--script-root", "--prefix", metavar="DIR", default=".", help="the folder of the app (default: this one)"
    )
    start.add_argument("--functions", nargs="+", metavar="NAME", help="run only these functions")
    start.add_argument("--cors", metavar="ORIGINS", help="origins that may call from a browser, separated by commas")
    start.add_argument("--cors-credentials", action="store_true", help="let those origins send credentials")
    start.add_argument("--verbose", action="store_true", help="show the records of the host too")
    start.add_argument("--no-reload", action="store_true", help="run in this very process and ignore changed files")
    start.add_argument("--storage", metavar="auto|embedded|azure", help="where state is kept (default auto)")
    start.add_argument("--log-format", metavar="text|json", help="how lines are written (default text)")
    start.add_argument("--data-dir", metavar="DIR", help="keep state here (default: .funchost in the app's folder)")
    start.add_argument(
        "-t",
        "--timeout",
        type=_seconds,
        default=20.0,
        metavar="SECONDS",
        help="to load the app in (default 20; 0: any)",
    )
    for option, words in _WITHOUT_EFFECT.items():
        if words:
            start.add_argument(option, dest=_attribute(option), help=argparse.SUPPRESS)
        else:
            start.add_argument(
                option, dest=_attribute(option), action="store_const", const=True, help=argparse.SUPPRESS
            )


def _attribute(option: str) -> str:
    return "ignored_" + option.strip("-").replace("-", "_")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; give 0 or more")
    return seconds
