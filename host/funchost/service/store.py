"""Which store an app's state lives in, and how that is said."""

from dataclasses import dataclass
from typing import Literal

from funchost.errors import ConfigError
from funchost.settings import Settings

__all__ = ["Store", "choose_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """``sentence`` tells the user which one it is; ``is_surprise`` when the settings ask for another."""

    kind: Literal["embedded"]
    sentence: str
    is_surprise: bool = False


def choose_store(settings: Settings) -> Store:
    """Raises ConfigError when the user insists on a store that there is not."""
    hub = settings.durable.hub_name
    where = f"the embedded store, task hub {hub!r} in {settings.data_dir}"
    if settings.storage == "azure":
        raise ConfigError(
            "--storage azure: this release keeps its state in the embedded store only. "
            "Leave the option out, or use --storage embedded."
        )
    connection = settings.durable.connection_name
    if settings.storage == "auto" and _names_azure(settings, connection):
        return Store("embedded", f"State is kept in {where}. {connection} is not used for it yet.", is_surprise=True)
    return Store("embedded", f"State is kept in {where}.")


def _names_azure(settings: Settings, connection: str) -> bool:
    """A connection string, the address of an emulator, or settings for an identity."""
    prefix = f"{connection}:".lower()
    if any(name.startswith(prefix) and value for name, value in settings.app_settings.items()):
        return True
    return settings.setting(connection) is not None
