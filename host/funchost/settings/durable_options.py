"""The options of ``extensions.durableTask``, and which of them this release acts on."""

from collections.abc import Sequence
from datetime import timedelta

from funchost.settings.kinds import FLAG, MAPPING, TEXT, Kind, choice, duration, whole
from funchost.settings.options import Option

__all__ = ["DURABLE_OPTIONS"]


def _positive(name: str) -> Kind:
    """The reference host words this mistake the same way for each option, and tools look for it."""
    return Kind(f"a positive integer ({name[0].upper()}{name[1:]} must be a positive integer value.)", whole(1).read)


def _count(name: str, default: int | None, *, effective: bool = False) -> Option:
    return Option(name, _positive(name.rpartition(".")[2]), default, effective)


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


_POSITIVE = duration(timedelta(microseconds=1))

DURABLE_OPTIONS: Sequence[Option] = (
    Option("hubName", TEXT, effective=True),
    Option("defaultVersion", TEXT, effective=True),
    Option("versionMatchStrategy", choice("None", "Strict", "CurrentOrOlder"), "CurrentOrOlder"),
    Option("versionFailureStrategy", choice("Reject", "Fail"), "Reject"),
    # null counts as ten for each processor
    _count("maxConcurrentActivityFunctions", None, effective=True),
    _count("maxConcurrentOrchestratorFunctions", None, effective=True),
    _count("maxConcurrentEntityFunctions", None, effective=True),
    _count("maxEntityOperationBatchSize", 5000),
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
    Option("entityMessageReorderWindowInMinutes", whole(0), 30),
    Option("rollbackEntityOperationsOnExceptions", FLAG, True),
    Option("throwStatusExceptionsOnRaiseEvent", FLAG),
    Option("useGracefulShutdown", FLAG, False),
    Option("storeInputsInOrchestrationHistory", FLAG, False, effective=True),
    Option("useAppLease", FLAG, True),
    Option("appLeaseOptions.renewInterval", _POSITIVE, timedelta(seconds=25)),
    Option("appLeaseOptions.acquireInterval", _POSITIVE, _minutes(5)),
    Option("appLeaseOptions.leaseInterval", _POSITIVE, _minutes(1)),
    Option("maxGrpcMessageSizeInBytes", whole(1), 4_194_304),
    Option("grpcHttpClientTimeout", duration(), timedelta(seconds=100)),
    Option("httpSettings.defaultAsyncRequestSleepTimeMilliseconds", whole(1), 30_000, effective=True),
    Option("httpSettings.useForwardedHost", FLAG, False, effective=True),
    Option("tracing.traceInputsAndOutputs", FLAG, False),
    Option("tracing.traceReplayEvents", FLAG, False),
    Option("tracing.distributedTracingEnabled", FLAG, False),
    Option("tracing.distributedTracingProtocol", TEXT, "HttpCorrelationProtocol"),
    Option("tracing.version", choice("V1", "V2")),
    Option("tracing.allowVerboseLinuxTelemetry", FLAG, False),
    Option("notifications.eventGrid", MAPPING),
    Option("storageProvider.type", TEXT, "AzureStorage", effective=True),
    Option("storageProvider.connectionName", TEXT, effective=True),
    Option("storageProvider.connectionStringName", TEXT, effective=True),
    Option("storageProvider.partitionCount", whole(1, 16), 4),
    Option("storageProvider.controlQueueBatchSize", whole(1, 32), 32),
    Option("storageProvider.controlQueueBufferThreshold", whole(1, 1000)),
    Option("storageProvider.controlQueueVisibilityTimeout", _POSITIVE, _minutes(5)),
    Option("storageProvider.workItemQueueVisibilityTimeout", _POSITIVE, _minutes(5)),
    Option("storageProvider.maxQueuePollingInterval", _POSITIVE, timedelta(seconds=30)),
    Option("storageProvider.trackingStoreConnectionName", TEXT),
    Option("storageProvider.trackingStoreNamePrefix", TEXT, "DurableTask"),
    Option("storageProvider.fetchLargeMessagesAutomatically", FLAG, True),
    Option("storageProvider.useLegacyPartitionManagement", FLAG, False),
    Option("storageProvider.useTablePartitionManagement", FLAG),
    Option("storageProvider.allowReplayingTerminalInstances", FLAG, False),
    Option("storageProvider.queueClientMessageEncoding", choice("UTF8", "Base64"), "UTF8"),
)
