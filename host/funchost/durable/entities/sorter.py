"""Order and exactly-once between two instances, on a hub that repeats and reorders messages.

A sender labels its requests: each with a time that is later than that of the one before it to the same target, and
with the label of that one. The entity drops what it has had, and keeps back what came before its predecessor until
that is here. Both sides forget what is older than a window, which bounds what they remember; so the window has to be
longer than a message may be on its way. A window of 0 switches all of this off.

Clients do not label, and neither is a request that is scheduled, or that an entity passes on to the next of a lock
set: such a label would name a predecessor that the receiver, which takes requests of that kind unsorted, never notes.

Targets and senders are told apart as they are written. Ids that differ in case only are two instances here, and with
one label sequence for both, each would wait for a predecessor that went to the other.

The functions below change the sorter that they are given: a copy that belongs to the caller.
"""

from collections.abc import Callable

import msgspec

from funchost.durable.entities.messages import UNLABELLED, EntityMessageError, Request
from funchost.ids import ExecutionId
from funchost.instant import TICKS_PER_SECOND, Instant, isoformat, parse

__all__ = ["Sorter", "Source", "check", "copy_of", "drained", "in_order", "labelled"]

_SLACK = 10 * TICKS_PER_SECOND
"""The horizons move in steps of at least this, so that few messages cost a look at everything."""


class Source(msgspec.Struct, omit_defaults=True):
    """What an entity knows of one sender. ``last`` is the label of the newest request that was delivered;
    ``buffered`` maps the labels of those that wait for a predecessor to them."""

    last: str = msgspec.field(name="Last")
    execution: ExecutionId | None = msgspec.field(default=None, name="ExecutionId")
    buffered: dict[str, Request] = msgspec.field(default={}, name="Buffered")


class Sorter(msgspec.Struct, omit_defaults=True):
    """Both sides, as they are stored: ``last_sent`` by target, ``received`` by sender, times as ISO text."""

    last_sent: dict[str, str] = msgspec.field(default={}, name="LastSentToInstance")
    received: dict[str, Source] = msgspec.field(default={}, name="ReceivedFromInstance")
    receive_horizon: str = msgspec.field(default=UNLABELLED, name="ReceiveHorizon")
    send_horizon: str = msgspec.field(default=UNLABELLED, name="SendHorizon")


def copy_of(sorter: Sorter) -> Sorter:
    received = {
        sender: Source(source.last, source.execution, dict(source.buffered))
        for sender, source in sorter.received.items()
    }
    return Sorter(dict(sorter.last_sent), received, sorter.receive_horizon, sorter.send_horizon)


def check(sorter: Sorter) -> None:
    """Raises ValueError when one of the stored times is none."""
    parse(sorter.receive_horizon)
    parse(sorter.send_horizon)
    for label in sorter.last_sent.values():
        parse(label)
    for source in sorter.received.values():
        parse(source.last)
        for label in source.buffered:
            parse(label)


# --- sending -----------------------------------------------------------------------------------------


def labelled(sorter: Sorter, request: Request, to: str, *, now: Instant, window: int) -> Request:
    """``request`` with its labels for the way to ``to``. ``window`` is in ticks, ``now`` the sender's clock.

    An orchestrator must give the clock of its history, so that a replay labels alike.
    """
    if window == 0:
        return request
    if parse(sorter.send_horizon) + window + _SLACK < now:
        horizon = now - window
        sorter.send_horizon = isoformat(Instant(horizon))
        sorter.last_sent = {target: label for target, label in sorter.last_sent.items() if parse(label) >= horizon}
    previous = sorter.last_sent.get(to)
    label = isoformat(now if previous is None else max(now, Instant(parse(previous) + 1)))
    sorter.last_sent[to] = label
    return msgspec.structs.replace(request, timestamp=label, predecessor=previous or UNLABELLED)


# --- receiving ---------------------------------------------------------------------------------------


def in_order(sorter: Sorter, request: Request, *, window: int) -> list[Request]:
    """What can be delivered now that ``request`` is here: nothing, it, or also what waited for it.

    ``window`` is in ticks. Raises EntityMessageError for labels that are none.
    """
    if window == 0 or request.parent is None or request.pos > 0 or request.timestamp == UNLABELLED:
        return [request]
    sent, predecessor = _labels_of(request)
    ready = _expired(sorter, sent, window)
    horizon = parse(sorter.receive_horizon)
    if sent < horizon:
        return [*ready, request]
    source = sorter.received.get(request.parent)
    if source is None:
        source = sorter.received[request.parent] = Source(UNLABELLED, request.parent_execution)
    elif source.execution != request.parent_execution:
        ready += _released(source, lambda _: True)
        source.last, source.execution = UNLABELLED, request.parent_execution
    last = parse(source.last)
    if sent <= last:
        return ready
    if predecessor > last and predecessor >= horizon:
        source.buffered[isoformat(sent)] = request
        return ready
    source.last = isoformat(sent)
    return [*ready, request, *_released(source, _follows(source, horizon))]


def drained(sorter: Sorter) -> list[Request]:
    """Everything that waits for a predecessor, by sender in its order; nothing waits any more."""
    return [request for source in sorter.received.values() for request in _released(source, lambda _: True)]


def _labels_of(request: Request) -> tuple[Instant, Instant]:
    try:
        return parse(request.timestamp), parse(request.predecessor)
    except ValueError as exc:
        raise EntityMessageError(f"not a request to an entity: {exc}") from exc


def _expired(sorter: Sorter, sent: Instant, window: int) -> list[Request]:
    """Move the horizon with the time of what arrives, and deliver what has waited beyond it."""
    if parse(sorter.receive_horizon) + window + _SLACK >= sent:
        return []
    horizon = Instant(sent - window)
    sorter.receive_horizon = isoformat(horizon)
    ready: list[Request] = []
    for sender, source in list(sorter.received.items()):
        ready += _released(source, _follows(source, horizon))
        if parse(source.last) < horizon:
            source.last = UNLABELLED
        if source.last == UNLABELLED and not source.buffered:
            del sorter.received[sender]
    return ready


def _released(source: Source, is_ready: Callable[[Request], bool]) -> list[Request]:
    """Take out what is buffered, oldest first, up to the first that is not ready."""
    ready: list[Request] = []
    while source.buffered:
        oldest = min(source.buffered, key=parse)
        if not is_ready(source.buffered[oldest]):
            break
        ready.append(source.buffered.pop(oldest))
        source.last = oldest
    return ready


def _follows(source: Source, horizon: Instant) -> Callable[[Request], bool]:
    def is_ready(request: Request) -> bool:
        predecessor = parse(request.predecessor)
        return predecessor <= parse(source.last) or predecessor < horizon

    return is_ready
