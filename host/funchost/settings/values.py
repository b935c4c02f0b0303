"""The settings of a host, as values in groups; defaults stand in the fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from funchost.settings.retry import RetryPolicySpec

__all__ = [
    "DurableSettings",
    "EventGridSettings",
    "Hsts",
    "HttpSettings",
    "LoggingSettings",
    "Settings",
    "setting_key",
]


@dataclass(frozen=True, slots=True)
class Hsts:
    """``extensions.http.hsts``, when it is enabled."""

    max_age: timedelta = timedelta(days=30)
    include_subdomains: bool = False
    preload: bool = False


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """``extensions.http`` and the limits around it; -1 means no limit.

    ``route_order`` ``name``: the first function by name whose route fits answers, as on the reference
    host; ``specific``: the most specific route does (``extensions.funchost.routeOrder``).
    """

    route_prefix: str = "api"
    max_outstanding_requests: int = -1
    max_concurrent_requests: int = -1
    custom_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    hsts: Hsts | None = None
    route_order: Literal["name", "specific"] = "name"
    body_limit_bytes: int = 104_857_600


@dataclass(frozen=True, slots=True)
class EventGridSettings:
    """``notifications.eventGrid``, when there is a topic to tell of the lives of orchestrations.

    ``event_types`` out of Started, Completed, Failed and Terminated; empty: all of them. ``retry_count`` tries
    follow the first one, ``retry_interval`` apart; ``retry_statuses`` are worth one beside 503.
    """

    topic_endpoint: str
    key: str = field(repr=False)
    event_types: frozenset[str] = frozenset()
    retry_count: int = 0
    retry_interval: timedelta = timedelta(minutes=5)
    retry_statuses: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class DurableSettings:
    """``extensions.durableTask``, and what ``extensions.funchost`` adds for the task hub.

    ``max_concurrent_*`` None: the host decides by the number of processors. ``fail_other_versions``: an instance whose
    version does not match fails, instead of being left to other hosts. ``retention`` is how long an instance stays
    after it has finished, by the name of its status; what is not there stays for ever. ``max_entity_batch``: how many
    operations one call of an entity function gets at most. ``entity_reorder_window``: how long a message that
    overtook an earlier one of its sender is held back; zero: not at all. ``decode_sdk_events``: what the SDK's
    client raises is stored as the value and not as JSON text. ``notifications`` None: nobody is told. ``options``
    holds every documented option by its dotted name (``storageProvider.partitionCount``), given or default.
    """

    hub_name: str = "TestHubName"
    default_version: str = ""
    version_match: Literal["None", "Strict", "CurrentOrOlder"] = "CurrentOrOlder"
    fail_other_versions: bool = False
    connection_name: str = "AzureWebJobsStorage"
    max_concurrent_activities: int | None = None
    max_concurrent_orchestrators: int | None = None
    max_concurrent_entities: int | None = None
    max_orchestration_actions: int = 100_000
    store_inputs: bool = False
    http_poll_ms: int = 30_000
    extended_sessions: bool = False
    extended_session_idle: timedelta = timedelta(seconds=30)
    max_extended_sessions: int = 2_000
    determinism_warnings: bool = True
    local_rpc_endpoint: bool = True
    override_any_state: bool = False
    use_forwarded_host: bool = False
    max_entity_batch: int = 5000
    entity_reorder_window: timedelta = timedelta(minutes=30)
    decode_sdk_events: bool = False
    notifications: EventGridSettings | None = None
    durability: Literal["full", "relaxed"] = "full"
    retention: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """``levels``: category prefix to one of Trace, Debug, Information, Warning, Error, Critical, None.

    The longest prefix wins; ``default`` is there only when the author has set it.
    """

    levels: Mapping[str, str] = field(default_factory=dict[str, str])
    colours: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the user has decided, read once.

    ``values`` is what the process environment is to be updated with before user code is imported;
    ``app_settings`` is the whole environment with them, behind :meth:`setting`. Both may hold secrets
    and are kept out of ``repr``. ``function_timeout`` None: no limit. ``functions`` None: all of them.
    ``host_json`` is the parsed file with the settings that override it, every section kept.
    """

    root: Path
    data_dir: Path
    http: HttpSettings = HttpSettings()
    durable: DurableSettings = DurableSettings()
    logging: LoggingSettings = LoggingSettings()
    function_timeout: timedelta | None = timedelta(minutes=30)
    functions: tuple[str, ...] | None = None
    retry: RetryPolicySpec | None = None
    storage: Literal["auto", "embedded", "azure"] = "auto"
    port: int = 7071
    address: str = "127.0.0.1"
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False
    verbose: bool = False
    log_format: Literal["text", "json"] = "text"
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    app_settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    host_json: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def development(self) -> bool:
        """Whether the app runs as in development: then its host looks for mistakes that it else has no time for."""
        return (self.setting("AZURE_FUNCTIONS_ENVIRONMENT") or "Development").lower() == "development"

    def setting(self, name: str) -> str | None:
        """A setting of the app, ignoring case, with ``a:b`` and ``a__b`` the same name; None when absent or empty."""
        return self.app_settings.get(setting_key(name)) or None


def setting_key(name: str) -> str:
    """The one spelling under which ``app_settings`` holds a name."""
    return name.replace("__", ":").lower()
