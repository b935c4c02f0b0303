"""The options of ``extensions.durableTask``, and which of them this release acts on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from funchost.settings.kinds import FLAG, TEXT, Kind, choice, duration, list_of, whole
from funchost.settings.options import Option

__all__ = ["DURABLE_OPTIONS"]


def _positive(name: str) -> Kind:
    """The reference host words this mistake the same way for each option, and tools look for it."""
    return Kind(f"a positive integer ({name[0].upper()}{name[1:]} must be a positive integer value.)", whole(1).read)


def _count(name: str, default: int | None, *, effective: bool = False) -> Option:
    return Option(name, _positive(name.rpartition(".")[2]), default, effective)


def _azure(name: str, kind: Kind, default: Any = None) -> Option:
    return Option(name, kind, default, without=_AZURE)


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


_POSITIVE = duration(timedelta(microseconds=1))

_AZURE = "on the embedded store, only with --storage azure, which this release does not have"
_OTHER_LANGUAGES = "on functions in Python"

_EVENT_TYPES = list_of(
    choice("Started", "Completed", "Failed", "Terminated"),
    "a list of event types (Failed to start lifecycle notification feature. Unsupported event types detected in "
    "'EventGridPublishEventTypes'. You may only specify one or more of the following 'Started', 'Completed', "
    "'Failed', 'Terminated'.)",
)

DURABLE_OPTIONS: Sequence[Option] = (
    Option("hubName", TEXT, effective=True),
    Option("defaultVersion", TEXT, effective=True),
    Option("versionMatchStrategy", choice("None", "Strict", "CurrentOrOlder"), "CurrentOrOlder", effective=True),
    Option("versionFailureStrategy", choice("Reject", "Fail"), "Reject", effective=True),
    # null counts as ten for each processor
    _count("maxConcurrentActivityFunctions", None, effective=True),
    _count("maxConcurrentOrchestratorFunctions", None, effective=True),
    _count("maxConcurrentEntityFunctions", None, effective=True),
    _count("maxEntityOperationBatchSize", 5000, effective=True),
    _count("maxOrchestrationActions", 100_000, effective=True),
    Option("localRpcEndpointEnabled", FLAG, effective=True),
    Option("extendedSessionsEnabled", FLAG, False, effective=True),
    Option("extendedSessionIdleTimeoutInSeconds", whole(0), 30, effective=True),
    Option(
        "overridableExistingInstanceStates",
        choice("NonRunningStates", "AnyState"),
        "NonRunningStates",
        effective=True,
    ),
    # The embedded store keeps the order by itself.
    Option("entityMessageReorderWindowInMinutes", whole(0, 2_147_483_647), 30, without=_AZURE),
    Option("rollbackEntityOperationsOnExceptions", FLAG, True, without=_OTHER_LANGUAGES),
    Option("throwStatusExceptionsOnRaiseEvent", FLAG, without=_OTHER_LANGUAGES),
    # Every stop drains: there is nothing to switch on.
    Option("useGracefulShutdown", FLAG, False, effective=True),
    Option("storeInputsInOrchestrationHistory", FLAG, False, effective=True),
    _azure("useAppLease", FLAG, True),
    _azure("appLeaseOptions.renewInterval", _POSITIVE, timedelta(seconds=25)),
    _azure("appLeaseOptions.acquireInterval", _POSITIVE, _minutes(5)),
    _azure("appLeaseOptions.leaseInterval", _POSITIVE, _minutes(1)),
    Option("maxGrpcMessageSizeInBytes", whole(1), 4_194_304, without=_OTHER_LANGUAGES),
    Option("grpcHttpClientTimeout", duration(), timedelta(seconds=100), without=_OTHER_LANGUAGES),
    Option("httpSettings.defaultAsyncRequestSleepTimeMilliseconds", whole(1), 30_000, effective=True),
    Option("httpSettings.useForwardedHost", FLAG, False, effective=True),
    Option("tracing.traceInputsAndOutputs", FLAG, False),
    Option("tracing.traceReplayEvents", FLAG, False),
    Option("tracing.distributedTracingEnabled", FLAG, False),
    Option("tracing.distributedTracingProtocol", TEXT, "HttpCorrelationProtocol"),
    Option("tracing.version", choice("V1", "V2")),
    Option("tracing.allowVerboseLinuxTelemetry", FLAG, False),
    Option("notifications.eventGrid.topicEndpoint", TEXT, effective=True),
    Option("notifications.eventGrid.keySettingName", TEXT, effective=True),
    Option("notifications.eventGrid.publishRetryCount", whole(0), 0, effective=True),
    Option(
        "notifications.eventGrid.publishRetryInterval",
        duration(timedelta(microseconds=1), timedelta(hours=1)),
        _minutes(5),
        effective=True,
    ),
    Option(
        "notifications.eventGrid.publishRetryHttpStatus",
        list_of(whole(100, 599), "a list of HTTP status codes"),
        (),
        effective=True,
    ),
    Option("notifications.eventGrid.publishEventTypes", _EVENT_TYPES, (), effective=True),
    Option("storageProvider.type", TEXT, "AzureStorage", effective=True),
    Option("storageProvider.connectionName", TEXT, effective=True),
    Option("storageProvider.connectionStringName", TEXT, effective=True),
    _azure("storageProvider.partitionCount", whole(1, 16), 4),
    _azure("storageProvider.controlQueueBatchSize", whole(1, 32), 32),
    _azure("storageProvider.controlQueueBufferThreshold", whole(1, 1000)),
    _azure("storageProvider.controlQueueVisibilityTimeout", _POSITIVE, _minutes(5)),
    _azure("storageProvider.workItemQueueVisibilityTimeout", _POSITIVE, _minutes(5)),
    _azure("storageProvider.maxQueuePollingInterval", _POSITIVE, timedelta(seconds=30)),
    _azure("storageProvider.trackingStoreConnectionName", TEXT),
    _azure("storageProvider.trackingStoreNamePrefix", TEXT, "DurableTask"),
    _azure("storageProvider.fetchLargeMessagesAutomatically", FLAG, True),
    _azure("storageProvider.useLegacyPartitionManagement", FLAG, False),
    _azure("storageProvider.useTablePartitionManagement", FLAG),
    _azure("storageProvider.allowReplayingTerminalInstances", FLAG, False),
    _azure("storageProvider.queueClientMessageEncoding", choice("UTF8", "Base64"), "UTF8"),
)
