"""``extensions.funchost.retention``: how long finished instances are kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from funchost.settings.kinds import Kind, duration

__all__ = ["RETENTION", "RETENTION_STATES"]

RETENTION_STATES = ("Completed", "Failed", "Terminated", "Canceled")
"""The runtime statuses that an instance can have been finished with."""

_AGE = duration(timedelta(seconds=1))
_BY_NAME = {state.lower(): state for state in RETENTION_STATES}


def _read(value: Any) -> Mapping[str, timedelta]:
    """Age by status; one that is not named is kept for ever."""
    if not isinstance(value, dict):
        return dict.fromkeys(RETENTION_STATES, _AGE.read(value))
    ages: dict[str, timedelta] = {}
    for name, age in value.items():
        if name.lower() not in _BY_NAME:
            raise ValueError(name)
        if age is not None:
            ages[_BY_NAME[name.lower()]] = _AGE.read(age)
    return ages


RETENTION = Kind(
    f"{_AGE.expected}, or an object of such durations with the members completed, failed, terminated and canceled",
    _read,
)
