"""From the sections of host.json to groups of settings."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from funchost.settings.durable_options import DURABLE_OPTIONS
from funchost.settings.event_grid import event_grid_settings
from funchost.settings.host_file import find_member
from funchost.settings.hub_name import resolve_hub_name
from funchost.settings.kinds import FLAG, Kind, choice, duration
from funchost.settings.options import BLOB_OPTIONS, FUNCHOST_OPTIONS, HOST_OPTIONS, HTTP_OPTIONS, QUEUE_OPTIONS
from funchost.settings.reader import Reader
from funchost.settings.retry import RetryPolicySpec, parse_retry
from funchost.settings.values import DurableSettings, Hsts, HttpSettings, LoggingSettings

__all__ = ["check_file", "durable_settings", "function_timeout", "http_settings", "logging_settings", "retry_policy"]

_HTTP = ("extensions", "http")
_DURABLE = ("extensions", "durableTask")
_FUNCHOST = ("extensions", "funchost")
_PROVIDER = "storageProvider."
# Sections of version 1 that stood at the top of the file.
_MOVED = ("durableTask", "http", "queues", "blobs")
_LEVEL = choice("Trace", "Debug", "Information", "Warning", "Error", "Critical", "None")
_TIMEOUT = duration(timedelta(seconds=1))
_UNLIMITED = (-1, "-1", "-1.00:00:00")


def check_file(reader: Reader) -> None:
    """The members that concern the file as a whole."""
    host = reader.host
    if host.is_blank:
        state = "is empty" if host.text else "is not there"
        reader.notes.append(f"{host.path}: {state}; the defaults apply")
    elif (version := find_member(host.tree, ["version"])) != "2.0":
        said = "is missing; add" if version is None else f"is {version!r}; it must be"
        reader.mistake(["version"], f'{said} "version": "2.0"')
    if find_member(host.tree, ["customHandler", "description", "defaultExecutablePath"]):
        reader.mistake(["customHandler"], "is not supported: funchost runs Python functions in its own process")
    for name in _MOVED:
        if find_member(host.tree, [name]) is not None:
            reader.notes.append(f"{host.where([name])}: {name} has no effect here; it belongs under extensions.{name}")
    reader.note_without_effect((), HOST_OPTIONS)
    for name, table in (("queues", QUEUE_OPTIONS), ("blobs", BLOB_OPTIONS)):
        reader.options(("extensions", name), table)
        reader.note_unknown(("extensions", name), table)
        reader.note_without_effect(("extensions", name), table)


def http_settings(reader: Reader, setting: Callable[[str], str | None]) -> HttpSettings:
    given = reader.options(_HTTP, HTTP_OPTIONS)
    order = reader.options(_FUNCHOST, FUNCHOST_OPTIONS)["routeOrder"] or given["funchostRouteOrder"]
    reader.note_unknown(_HTTP, HTTP_OPTIONS)
    reader.note_without_effect(_HTTP, HTTP_OPTIONS)
    return HttpSettings(
        route_prefix=given["routePrefix"].strip("/"),
        max_outstanding_requests=given["maxOutstandingRequests"],
        max_concurrent_requests=given["maxConcurrentRequests"],
        custom_headers={name: str(value) for name, value in given["customHeaders"].items()},
        hsts=_hsts(given),
        route_order=order or HttpSettings().route_order,
        body_limit_bytes=_body_limit(reader, setting("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")),
    )


def durable_settings(reader: Reader, setting: Callable[[str], str | None]) -> DurableSettings:
    """A ``storageProvider`` of another backend never keeps an app from running: its keys are skipped."""
    foreign = _foreign_provider(reader)
    checked = [o for o in DURABLE_OPTIONS if not (foreign and o.name.startswith(_PROVIDER))]
    given = {option.name: option.default for option in DURABLE_OPTIONS} | reader.options(_DURABLE, checked)
    own = reader.options(_FUNCHOST, FUNCHOST_OPTIONS)
    if foreign:
        reader.notes.append(
            f"{reader.host.where([*_DURABLE, 'storageProvider', 'type'])}: the storage provider {foreign!r} is ignored;"
            " --storage, or the connection of the task hub, decides where state is kept"
        )
    _note_unknown_durable(reader, foreign is not None)
    reader.note_unknown(_FUNCHOST, FUNCHOST_OPTIONS)
    reader.note_without_effect(_DURABLE, checked)
    connection = given["storageProvider.connectionName"] or given["storageProvider.connectionStringName"]
    return DurableSettings(
        hub_name=_hub_name(reader, given["hubName"], setting),
        default_version=given["defaultVersion"] or "",
        version_match=given["versionMatchStrategy"],
        fail_other_versions=given["versionFailureStrategy"] == "Fail",
        connection_name=connection or DurableSettings().connection_name,
        max_concurrent_activities=given["maxConcurrentActivityFunctions"],
        max_concurrent_orchestrators=given["maxConcurrentOrchestratorFunctions"],
        max_concurrent_entities=given["maxConcurrentEntityFunctions"],
        max_orchestration_actions=given["maxOrchestrationActions"],
        store_inputs=given["storeInputsInOrchestrationHistory"],
        http_poll_ms=given["httpSettings.defaultAsyncRequestSleepTimeMilliseconds"],
        extended_sessions=given["extendedSessionsEnabled"],
        extended_session_idle=timedelta(seconds=given["extendedSessionIdleTimeoutInSeconds"]),
        max_extended_sessions=own["maxExtendedSessions"],
        determinism_warnings=own["determinismWarnings"],
        local_rpc_endpoint=given["localRpcEndpointEnabled"] is not False,
        override_any_state=given["overridableExistingInstanceStates"] == "AnyState",
        use_forwarded_host=given["httpSettings.useForwardedHost"],
        max_entity_batch=given["maxEntityOperationBatchSize"],
        entity_reorder_window=timedelta(minutes=given["entityMessageReorderWindowInMinutes"]),
        decode_sdk_events=own["decodeSdkEvents"],
        notifications=event_grid_settings(reader, given, setting),
        durability=own["durability"],
        retention=own["retention"],
        options=given,
    )


def logging_settings(reader: Reader) -> LoggingSettings:
    levels: Mapping[str, Any] = find_member(reader.host.tree, ["logging", "logLevel"])
    if not isinstance(levels, dict):  # the table of options has reported it
        levels = {}
    read = {name: reader.read(["logging", "logLevel", name], _LEVEL) for name in levels}
    return LoggingSettings(
        levels={("default" if name.lower() == "default" else name): level for name, level in read.items() if level},
        colours=not reader.read(["logging", "console", "disableColors"], FLAG, False),
    )


def function_timeout(reader: Reader, default: timedelta | None) -> timedelta | None:
    """None: no limit."""
    if find_member(reader.host.tree, ["functionTimeout"]) in _UNLIMITED:
        return None
    return reader.read(["functionTimeout"], Kind(f"{_TIMEOUT.expected}, or -1 for no limit", _TIMEOUT.read), default)


def retry_policy(reader: Reader) -> RetryPolicySpec | None:
    raw = find_member(reader.host.tree, ["retry"])
    if not isinstance(raw, dict):
        return None
    try:
        return parse_retry(raw)
    except ValueError as exc:
        reader.mistakes.append(f"{reader.host.where(['retry'])}: {exc}")
        return None


def _hsts(given: Mapping[str, Any]) -> Hsts | None:
    if not given["hsts.isEnabled"]:
        return None
    return Hsts(given["hsts.maxAge"], given["hsts.includeSubDomains"], given["hsts.preload"])


def _body_limit(reader: Reader, given: str | None) -> int:
    if given is not None and not given.isdigit():
        reader.mistakes.append(f"setting FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is {given!r}; expected a number of bytes")
    return int(given) if given and given.isdigit() else HttpSettings().body_limit_bytes


def _hub_name(reader: Reader, configured: str | None, setting: Callable[[str], str | None]) -> str:
    try:
        return resolve_hub_name(configured, setting)
    except ValueError as exc:
        reader.mistakes.append(f"{reader.host.where([*_DURABLE, 'hubName'])}: {exc}")
        return ""


def _foreign_provider(reader: Reader) -> str | None:
    name = find_member(reader.host.tree, [*_DURABLE, "storageProvider", "type"])
    return name if isinstance(name, str) and name.lower() not in ("azurestorage", "azure_storage") else None


def _note_unknown_durable(reader: Reader, provider_skipped: bool) -> None:
    before = len(reader.notes)
    reader.note_unknown(_DURABLE, DURABLE_OPTIONS)
    if provider_skipped:
        reader.notes[before:] = [n for n in reader.notes[before:] if ".storageprovider." not in n.lower()]
