"""``%NAME%`` in the properties of bindings: settings, looked up when the app loads."""

import re
from collections.abc import Callable
from dataclasses import replace

from funchost.app.spec import BindingSpec

__all__ = ["resolve_settings"]

_REFERENCE = re.compile(r"%([^%]*)%")
# Routes and function names are not resolved on the reference host either.
_RESOLVED = frozenset(
    {"queuename", "schedule", "path", "tablename", "partitionkey", "rowkey", "connection", "taskhub", "connectionname"}
)


def resolve_settings(binding: BindingSpec, setting: Callable[[str], str | None]) -> BindingSpec:
    """The binding with settings in place of their references. Raises ValueError that names what is missing."""
    resolved = {
        key: _resolve(binding, key, value, setting) if key in _RESOLVED and isinstance(value, str) else value
        for key, value in binding.properties.items()
    }
    return binding if resolved == binding.properties else replace(binding, properties=resolved)


def _resolve(binding: BindingSpec, key: str, text: str, setting: Callable[[str], str | None]) -> str:
    def look_up(match: re.Match[str]) -> str:
        value = setting(match[1])
        if value is None:
            raise ValueError(
                f"{key} of binding {binding.name!r} refers to the setting {match[1]!r}, which is not set; "
                "set it in local.settings.json"
            )
        return value

    if text.count("%") % 2:
        raise ValueError(f"{key} of binding {binding.name!r} has a single '%' at position {text.rindex('%') + 1}")
    return _REFERENCE.sub(look_up, text)
