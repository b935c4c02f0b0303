"""Loading apps that a test writes, into this process and out of it again."""

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funchost.app import FunctionApp, FunctionSpec, load_app
from funchost.app.types import AVAILABLE
from funchost.settings import load_settings

__all__ = ["Loader", "restored_process"]

IMPORTS = "import azure.functions as func\nimport azure.durable_functions as df\n"


@dataclass(frozen=True)
class Loader:
    """An app folder. Each test loads once, as a process does."""

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def load(
        self,
        files: Mapping[str, str],
        *,
        environ: Mapping[str, str] | None = None,
        available: frozenset[str] = AVAILABLE,
        **flags: Any,
    ) -> FunctionApp:
        self.write(files)
        settings, _ = load_settings(self.root, environ or {}, flags)
        return load_app(self.root, settings, available=available)

    def script(self, body: str, **options: Any) -> FunctionApp:
        """A decorated app with ``app = df.DFApp()`` on top of ``body``."""
        return self.load({"function_app.py": f"{IMPORTS}app = df.DFApp()\n{body}"}, **options)

    def one(self, body: str, **options: Any) -> FunctionSpec:
        """The only function of such an app."""
        (function,) = self.script(body, **options).functions
        return function


@contextmanager
def restored_process(root: Path) -> Generator[None]:
    """What loading changes in a process is as before afterwards."""
    modules, path, folder = set(sys.modules), list(sys.path), Path.cwd()
    script_root = os.environ.get("AzureWebJobsScriptRoot")  # noqa: SIM112 - its documented name
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if name.partition(".")[0] == "__app__" or (file and Path(file).is_relative_to(root)):
                del sys.modules[name]
        os.environ.pop("AzureWebJobsScriptRoot", None)
        if script_root is not None:
            os.environ["AzureWebJobsScriptRoot"] = script_root  # noqa: SIM112
