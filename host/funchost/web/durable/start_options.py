"""What a start may say beside its function, id and input, in the query of its request."""

from collections.abc import Mapping
from dataclasses import dataclass

from funchost.durable.status import NON_RUNNING, RuntimeStatus
from funchost.errors import InvalidArgument
from funchost.instant import Instant
from funchost.web.durable.query import QueryParameters

__all__ = ["OVERRIDABLE", "START_AT", "TAG", "StartOptions", "start_options", "tags_of"]

START_AT, TAG, OVERRIDABLE = "scheduledStartTime", "tag", "overridable"

_REPLACING = {
    "any": frozenset(RuntimeStatus),
    "anystate": frozenset(RuntimeStatus),
    "nonrunning": NON_RUNNING,
    "nonrunningstates": NON_RUNNING,
}


@dataclass(frozen=True, slots=True)
class StartOptions:
    """``replacing`` None: what the app says."""

    start_at: Instant | None
    tags: Mapping[str, str] | None
    replacing: frozenset[RuntimeStatus] | None


def start_options(query: QueryParameters) -> StartOptions:
    """Raises InvalidArgument: a start that does not do what it was asked to is worse than none."""
    return StartOptions(_start_at(query), tags_of(query) or None, _replacing(query))


def tags_of(query: QueryParameters) -> dict[str, str]:
    """``tag=name=value``, any number of times; only the first equals sign parts. Raises InvalidArgument."""
    tags: dict[str, str] = {}
    for text in query.all(TAG):
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise InvalidArgument(f"The {TAG} '{text}' is not a name and a value: write {TAG}=name=value.")
        tags[name] = value
    return tags


def _start_at(query: QueryParameters) -> Instant | None:
    text = (query.text(START_AT) or "").strip()
    moment = query.moment(START_AT)
    if text and moment is None:
        raise InvalidArgument(f"The {START_AT} '{text}' is not a date and time such as 2031-05-01T10:00:00Z.")
    return moment


def _replacing(query: QueryParameters) -> frozenset[RuntimeStatus] | None:
    text = (query.text(OVERRIDABLE) or "").strip()
    if not text:
        return None
    replacing = _REPLACING.get(text.lower())
    if replacing is None:
        raise InvalidArgument(f"{OVERRIDABLE} is '{text}'; it may be any or nonRunning.")
    return replacing
