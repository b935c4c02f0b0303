"""Reading the settings of a host: command line over environment over local.settings.json over host.json.

Pure but for reading the two files: the environment comes in, and what shall be added to it goes out.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from funchost.errors import ConfigError
from funchost.settings.choices import Choices
from funchost.settings.host_file import read_host_file
from funchost.settings.local_settings import read_local_settings
from funchost.settings.options import HOST_OPTIONS
from funchost.settings.reader import Reader
from funchost.settings.sections import (
    check_file,
    durable_settings,
    function_timeout,
    http_settings,
    logging_settings,
    retry_policy,
)
from funchost.settings.values import Settings, setting_key

__all__ = ["load_settings"]


def load_settings(
    root: Path, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> tuple[Settings, list[str]]:
    """The settings of the app in ``root``, and notes to show the user, one line each.

    ``flags`` may hold ``port``, ``address``, ``cors``, ``cors_credentials``, ``functions``, ``verbose``,
    ``storage``, ``log_format`` and ``data_dir``; None or absent means not given, other keys are ignored.
    Raises one ConfigError for all mistakes, a line each with its source.
    """
    root = root.absolute()
    local = read_local_settings(root / "local.settings.json", environ)
    environment = {**local.values, **_non_empty(environ)}
    host = read_host_file(root / "host.json")
    # An empty override counts: it is how a prefix is removed.
    host.override({**local.values, **environ})
    reader = Reader(host)
    chosen = _chosen(root, Choices(flags or {}, local, environment, reader))
    added = {**local.values, **_host_variables(chosen, environment, reader.notes)}
    settings = _from_file(
        replace(
            chosen,
            values=added,
            app_settings={setting_key(name): value for name, value in {**environment, **added}.items()},
        ),
        reader,
    )
    if reader.mistakes:
        raise ConfigError("\n".join(reader.mistakes))
    return settings, local.notes + reader.notes


def _chosen(root: Path, choices: Choices) -> Settings:
    """What the command line, the environment and the ``Host`` section decide."""
    defaults = Settings(root=root, data_dir=root / ".funchost")
    return replace(
        defaults,
        data_dir=choices.data_dir(defaults.data_dir),
        port=choices.port(defaults.port),
        address=choices.address(defaults.address),
        cors=choices.origins(),
        cors_credentials=choices.cors_credentials(),
        verbose=choices.verbose(),
        log_format=choices.log_format(defaults.log_format),
        storage=choices.storage(defaults.storage),
        functions=choices.functions(),
    )


def _from_file(settings: Settings, reader: Reader) -> Settings:
    """``settings`` completed by host.json."""
    check_file(reader)
    host = reader.options((), HOST_OPTIONS)
    return replace(
        settings,
        http=http_settings(reader, settings.setting),
        durable=durable_settings(reader, settings.setting),
        logging=logging_settings(reader),
        function_timeout=function_timeout(reader, settings.function_timeout),
        functions=host["functions"] if settings.functions is None else settings.functions,
        retry=retry_policy(reader),
        host_json=reader.host.tree,
    )


def _host_variables(settings: Settings, environment: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """What apps expect a local host to set."""
    stage = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    if stage != "Development":
        notes.append(f"AZURE_FUNCTIONS_ENVIRONMENT is {stage!r}; this host runs the app as 'Development'")
    runtime = environment.get("FUNCTIONS_WORKER_RUNTIME", "python")
    if runtime.lower() != "python":
        notes.append(f"FUNCTIONS_WORKER_RUNTIME is {runtime!r}; this host runs Python functions only")
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsScriptRoot": str(settings.root),
        "FUNCTIONS_WORKER_RUNTIME": runtime,
        "FUNCTIONS_WORKER_RUNTIME_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
        "PYTHON_ENABLE_DEBUG_LOGGING": environment.get("PYTHON_ENABLE_DEBUG_LOGGING", "1"),
        "WEBSITE_HOSTNAME": f"localhost:{settings.port}",
    }


def _non_empty(environ: Mapping[str, str]) -> dict[str, str]:
    # An empty variable is as good as none: it does not hide a value of local.settings.json.
    return {name: value for name, value in environ.items() if value}
