"""Which Python runs the app, and whether the app was meant for another one."""

import os
import shlex
import sys
from pathlib import Path

__all__ = ["install_command", "other_environment"]


def other_environment(root: Path) -> str | None:
    """One line when the app folder has a virtual environment that is not the running one."""
    environment = _environment(root)
    if environment is None:
        return None
    python = _python(environment)
    return (
        f"running on {sys.executable}, but the app has its own environment in {environment.name}: "
        f"run {python} -m pip install funchost, then {python} -m funchost start"
    )


def install_command(root: Path, package: str) -> str:
    """What brings a missing package into the environment that should run the app."""
    environment = _environment(root)
    requirements = root / "requirements.txt"
    what = f"-r {shlex.quote(str(requirements))}" if requirements.is_file() else package
    if environment is None:
        return f"{shlex.quote(sys.executable)} -m pip install {what}"
    python = _python(environment)
    return f"{python} -m pip install funchost {what}, then start with {python} -m funchost start"


def _environment(root: Path) -> Path | None:
    environment = root / ".venv"
    if not (environment / "pyvenv.cfg").is_file() or environment.resolve() == Path(sys.prefix).resolve():
        return None
    return environment


def _python(environment: Path) -> str:
    return shlex.quote(str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")))
