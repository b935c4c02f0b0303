"""Which records of loggers are shown: built-in defaults by kind of category, and ``logging.logLevel``."""

from collections.abc import Mapping

from funchost.console.line import CRITICAL, DEBUG, ERROR, INFORMATION, OFF, TRACE, WARNING
from funchost.errors import ConfigError

__all__ = ["Filter", "parse_levels"]

_LEVELS = {
    "trace": TRACE,
    "debug": DEBUG,
    "information": INFORMATION,
    "warning": WARNING,
    "error": ERROR,
    "critical": CRITICAL,
    "none": OFF,
}

# The SDK's and the reference worker's own loggers; users never asked for them.
_HIDDEN = ("azure.functions", "azure_functions_worker")
_SYSTEM = ("microsoft.azure.webjobs.", "function.", "worker.", "host.", "funchost.", "uvicorn.")
_FUNCTION = "function."
_SYSTEM_ROOTS = frozenset(("funchost", "uvicorn", "asyncio", "watchfiles.main", "watchfiles.watcher"))


def parse_levels(section: Mapping[str, object], *, source: str = "host.json") -> dict[str, int]:
    """``logging.logLevel`` with lower-case category prefixes. Raises ConfigError for an unknown level."""
    levels: dict[str, int] = {}
    for category, name in section.items():
        level = _LEVELS.get(str(name).lower())
        if level is None:
            known = ", ".join(known.capitalize() for known in _LEVELS)
            raise ConfigError(f"{source}: logging.logLevel.{category} is {name!r}; use one of {known}")
        levels[category.lower()] = level
    return levels


class Filter:
    """Decides by category and level. Answers are remembered per category: loggers are few, records many."""

    def __init__(self, rules: Mapping[str, int] | None = None, *, verbose: bool = False) -> None:
        """``rules`` as :func:`parse_levels` returns them: the longest matching prefix wins, ``default`` is
        for what nothing else matches, ``*`` stands for any text."""
        self._rules = {_split(category): level for category, level in (rules or {}).items() if category != "default"}
        self._default = (rules or {}).get("default")
        self._verbose = verbose
        self._known: dict[tuple[str, str | None, bool], int] = {}

    def shows(self, category: str, level: int, *, function: str | None = None, summary: bool = False) -> bool:
        """``function`` runs at the moment: a user's record then also obeys rules for ``Function.<name>.User``.
        ``summary`` marks the one line that tells how an invocation or orchestration ended, which is
        shown by default."""
        key = (category, function, summary)
        threshold = self._known.get(key)
        if threshold is None:
            threshold = self._known[key] = self._threshold(category.lower(), function, summary)
        return level >= threshold

    def lowest(self) -> int:
        """The lowest level that any category can show: what root loggers need not produce below."""
        return min((INFORMATION, *self._rules.values(), *(() if self._default is None else (self._default,))))

    def lowest_for_functions(self) -> int:
        """The lowest level that what the host says about functions, ``Function.<name>``, can be shown at."""
        matching = (level for key, level in self._rules.items() if _FUNCTION.startswith(key[0][: len(_FUNCTION)]))
        return min((INFORMATION if self._default is None else self._default, *matching))

    def _threshold(self, category: str, function: str | None, summary: bool) -> int:
        if category.startswith(_HIDDEN):
            return INFORMATION if self._verbose else OFF
        is_system = category in _SYSTEM_ROOTS or category.startswith(_SYSTEM)
        rule = self._rule(category)
        if rule is None and function is not None and not is_system:
            rule = self._rule(f"function.{function.lower()}.user")
        if rule is not None:
            return rule
        if self._default is not None:
            return self._default
        return WARNING if is_system and not self._verbose and not summary else INFORMATION

    def _rule(self, category: str) -> int | None:
        matching = (key for key in self._rules if category.startswith(key[0]) and category.endswith(key[1]))
        best = max(matching, key=lambda key: len(key[0]) + len(key[1]), default=None)
        return None if best is None else self._rules[best]


def _split(category: str) -> tuple[str, str]:
    prefix, _, suffix = category.partition("*")
    return prefix, suffix
