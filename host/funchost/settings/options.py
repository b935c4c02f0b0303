"""What host.json may hold: one row per option, with its kind and default.

``effective`` says whether this release acts on an option; the others are read and checked, so that an
app written for them runs, and named at the start when an app sets one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from funchost.settings.kinds import ANYTHING, DAYS, FLAG, MAPPING, TEXT, TEXTS, Kind, choice, decimal, duration, whole
from funchost.settings.retention import RETENTION

__all__ = ["BLOB_OPTIONS", "FUNCHOST_OPTIONS", "HOST_OPTIONS", "HTTP_OPTIONS", "QUEUE_OPTIONS", "Option", "defaults"]

NOT_YET = "in this release"


@dataclass(frozen=True, slots=True)
class Option:
    """``name`` is dotted and relative to its section; a default of None means that the host decides.

    ``without`` completes "… has no effect" for an option that is not effective.
    """

    name: str
    kind: Kind
    default: Any = None
    effective: bool = False
    without: str = NOT_YET


def defaults(options: Sequence[Option]) -> Mapping[str, Any]:
    """Name to default, for every option of a section."""
    return {option.name: option.default for option in options}


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


# Which function answers when several routes fit: the first by name, or the one with the most specific route.
_ROUTE_ORDER = choice("name", "specific")
_LOCK_PERIOD = duration(_seconds(15), _seconds(60))

HOST_OPTIONS: Sequence[Option] = (
    # functionTimeout and version have rules of their own and are read where those stand.
    Option("functions", TEXTS, effective=True),
    Option("retry", MAPPING, effective=True),
    Option("watchDirectories", TEXTS, (), effective=True),
    Option("watchFiles", TEXTS, (), effective=True),
    Option("fileWatchingEnabled", FLAG, True),
    Option("singleton.lockPeriod", _LOCK_PERIOD, _seconds(15)),
    Option("singleton.listenerLockPeriod", _LOCK_PERIOD, _seconds(60)),
    Option("singleton.listenerLockRecoveryPollingInterval", duration(_seconds(15)), _seconds(60)),
    Option("singleton.lockAcquisitionTimeout", ANYTHING),
    Option("singleton.lockAcquisitionPollingInterval", duration(_seconds(0.5)), _seconds(5)),
    Option("healthMonitor.enabled", FLAG, True),
    Option("healthMonitor.healthCheckInterval", duration(_seconds(0)), _seconds(10)),
    Option("healthMonitor.healthCheckWindow", duration(_seconds(0)), _seconds(120)),
    Option("healthMonitor.healthCheckThreshold", whole(1), 6),
    Option("healthMonitor.counterThreshold", decimal(0, 1), 0.80),
    Option("concurrency.dynamicConcurrencyEnabled", FLAG, False),
    Option("concurrency.snapshotPersistenceEnabled", FLAG, True),
    Option("concurrency.maximumFunctionConcurrency", whole(1), 500),
    Option("concurrency.cpuThreshold", decimal(0, 1), 0.8),
    Option("aggregator.batchSize", whole(1, 10_000), 1000),
    Option("aggregator.flushTimeout", duration(_seconds(0), _seconds(300)), _seconds(30)),
    Option("aggregator.isEnabled", FLAG, True),
    Option("logging.logLevel", MAPPING, {}, effective=True),
    Option("logging.fileLoggingMode", choice("debugOnly", "never", "always"), "debugOnly"),
    Option("logging.console.isEnabled", FLAG, False),
    Option("logging.console.disableColors", FLAG, False, effective=True),
    Option("telemetryMode", choice("ApplicationInsights", "OpenTelemetry"), "ApplicationInsights"),
    Option("sendCanceledInvocationsToWorker", FLAG, True),
    Option("metadataProviderTimeout", duration(_seconds(0)), _seconds(30)),
)

HTTP_OPTIONS: Sequence[Option] = (
    Option("routePrefix", TEXT, "api", effective=True),
    Option("maxOutstandingRequests", whole(-1), -1, effective=True),
    Option("maxConcurrentRequests", whole(-1), -1, effective=True),
    Option("dynamicThrottlesEnabled", FLAG, False),
    Option("customHeaders", MAPPING, {}, effective=True),
    Option("hsts.isEnabled", FLAG, False, effective=True),
    Option("hsts.maxAge", DAYS, timedelta(days=30), effective=True),
    Option("hsts.includeSubDomains", FLAG, False, effective=True),
    Option("hsts.preload", FLAG, False, effective=True),
    # Another name of extensions.funchost.routeOrder, which wins.
    Option("funchostRouteOrder", _ROUTE_ORDER, effective=True),
)

QUEUE_OPTIONS: Sequence[Option] = (
    Option("batchSize", whole(1, 32), 16),
    Option("newBatchThreshold", whole(0)),
    Option("maxDequeueCount", whole(1), 5),
    Option("visibilityTimeout", duration(_seconds(0)), _seconds(0)),
    Option("maxPollingInterval", duration(_seconds(0.1)), _seconds(60)),
    Option("messageEncoding", choice("base64", "none"), "base64"),
)

BLOB_OPTIONS: Sequence[Option] = (
    Option("maxDegreeOfParallelism", whole(1)),
    Option("poisonBlobThreshold", whole(1), 5),
)

FUNCHOST_OPTIONS: Sequence[Option] = (
    # In development: warn of calls in orchestrators that give another value in every replay.
    Option("determinismWarnings", FLAG, True, effective=True),
    # full: what is acknowledged survives a power cut. relaxed: it survives a killed process.
    Option("durability", choice("full", "relaxed"), "full", effective=True),
    # How many suspended orchestrators extended sessions keep at most.
    Option("maxExtendedSessions", whole(1), 2_000, effective=True),
    Option("routeOrder", _ROUTE_ORDER, effective=True),
    # How long finished instances stay; {}: for ever.
    Option("retention", RETENTION, {}, effective=True),
    # Events that the SDK's client raises are encoded twice; true keeps one layer, so that waiters get the value.
    Option("decodeSdkEvents", FLAG, False, effective=True),
)
