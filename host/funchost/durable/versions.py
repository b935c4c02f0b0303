"""Versions of orchestrations: which is newer, and which ones a host takes.

Versions are compared by their numbers where both are numbers with dots, otherwise as text, ignoring case; none at all
comes before all others. Between a number and a text that is the order of the reference host too, and no total one:
``1.10 < 1.5x < 1.9 < 1.10``. Only two versions are ever compared, the instance's and the host's.
"""

import re
from enum import StrEnum

from funchost.durable.events import FailureDetails

__all__ = ["VersionMatch", "compare_versions", "version_mismatch", "version_problem"]

_NUMERIC = re.compile(r"\s*\d{1,10}(\.\d{1,10}){1,3}\s*", re.ASCII)


class VersionMatch(StrEnum):
    """``versionMatchStrategy`` of host.json: which versions a host of a given one takes."""

    NONE = "None"
    STRICT = "Strict"
    CURRENT_OR_OLDER = "CurrentOrOlder"


def compare_versions(one: str, other: str) -> int:
    """Negative when ``one`` is older than ``other``, 0 when they are the same, positive when it is newer."""
    left, right = _numbers(one), _numbers(other)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    text, other_text = one.strip().upper(), other.strip().upper()
    return (text > other_text) - (text < other_text)


def version_problem(instance: str, host: str, match: VersionMatch) -> str | None:
    """Why a host of version ``host`` does not take an instance of version ``instance``; None: it does.

    A host without a version takes all, unless it is to match strictly: it says nothing about versions, and an
    instance that nobody takes would wait for ever.
    """
    match match:
        case VersionMatch.NONE:
            return None
        case VersionMatch.STRICT:
            fits = compare_versions(instance, host) == 0
        case VersionMatch.CURRENT_OR_OLDER:
            fits = not host.strip() or compare_versions(instance, host) <= 0
    if fits:
        return None
    own = f"'{host}'" if host.strip() else "none"
    return f"the instance has version '{instance}', this host {own}, and versionMatchStrategy is {match}"


def version_mismatch(problem: str) -> FailureDetails:
    """The failure of an instance that is not taken, where that is to fail it; its message is the output."""
    return FailureDetails(
        "VersionMismatch", f"Orchestration version did not comply with Worker Versioning: {problem}", non_retriable=True
    )


def _numbers(version: str) -> tuple[int, ...] | None:
    return tuple(int(part) for part in version.split(".")) if _NUMERIC.fullmatch(version) else None
