"""Settings: values that are read once, from host.json, local.settings.json, the environment and flags.

:func:`load_settings` is called by the command line only; everything below it receives the values.
"""

from funchost.settings.durable_options import DURABLE_OPTIONS
from funchost.settings.load import load_settings
from funchost.settings.retry import RetryPolicySpec
from funchost.settings.roots import find_root
from funchost.settings.values import DurableSettings, EventGridSettings, Hsts, HttpSettings, LoggingSettings, Settings
from funchost.timespan import format_timespan, parse_timespan

__all__ = [
    "DURABLE_OPTIONS",
    "DurableSettings",
    "EventGridSettings",
    "Hsts",
    "HttpSettings",
    "LoggingSettings",
    "RetryPolicySpec",
    "Settings",
    "find_root",
    "format_timespan",
    "load_settings",
    "parse_timespan",
]
