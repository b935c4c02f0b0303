"""What a person decides when starting a host: flag over environment over the ``Host`` section."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from funchost.settings.host_file import find_member
from funchost.settings.kinds import FLAG, TEXT, Kind, choice, whole
from funchost.settings.local_settings import LocalSettings
from funchost.settings.reader import Reader

__all__ = ["Choices"]

_Storage = Literal["auto", "embedded", "azure"]
_LogFormat = Literal["text", "json"]


def _read_address(value: Any) -> str:
    text = "127.0.0.1" if value == "localhost" else value
    return str(ipaddress.ip_address(TEXT.read(text)))


_PORT = whole(0, 65535)
_ADDRESS = Kind("an IP address such as 127.0.0.1 or 0.0.0.0", _read_address)
_STORAGE = choice("auto", "embedded", "azure")
_LOG_FORMAT = choice("text", "json")


class Choices:
    """Each method reads one decision; mistakes go to the reader, and the default is returned for them."""

    def __init__(
        self, flags: Mapping[str, Any], local: LocalSettings, environment: Mapping[str, str], reader: Reader
    ) -> None:
        self._flags = flags
        self._local = local
        self._environment = environment
        self._mistakes = reader.mistakes

    def port(self, default: int) -> int:
        return self._pick("port", _PORT, default, host="LocalHttpPort")

    def address(self, default: str) -> str:
        return self._pick("address", _ADDRESS, default, host="LocalHttpAddress")

    def origins(self) -> tuple[str, ...]:
        """Origins that browsers may call from, without trailing slashes."""
        return tuple(origin.rstrip("/") for origin in self._words("cors", host="CORS") or ())

    def cors_credentials(self) -> bool:
        # A switch that is not given is False, and must not hide what the file says.
        flag = self._flags.get("cors_credentials")
        return bool(flag) or self._pick("", FLAG, False, host="CORSCredentials")

    def verbose(self) -> bool:
        return bool(self._flags.get("verbose"))

    def storage(self, default: _Storage) -> _Storage:
        return self._pick("storage", _STORAGE, default, variable="FUNCHOST_STORAGE")

    def log_format(self, default: _LogFormat) -> _LogFormat:
        return self._pick("log_format", _LOG_FORMAT, default)

    def functions(self) -> tuple[str, ...] | None:
        """The only functions to load; None when the command line does not say."""
        return self._words("functions")

    def data_dir(self, default: Path) -> Path:
        flag = self._flags.get("data_dir")
        return default if flag is None else Path(flag).absolute()

    def _words(self, flag: str, *, host: str = "") -> tuple[str, ...] | None:
        given = self._flags.get(flag)
        if given is None and host:
            given = self._pick("", TEXT, None, host=host)
        if given is None:
            return None
        parts = [given] if isinstance(given, str) else list(given)
        return tuple(word for part in parts for word in part.replace(",", " ").split())

    def _pick(self, flag: str, kind: Kind, default: Any, *, variable: str = "", host: str = "") -> Any:
        for source, value in (
            (f"--{flag.replace('_', '-')}", self._flags.get(flag)),
            (f"setting {variable}", self._environment.get(variable)),
            (f"{self._local.path}: Host.{host}", find_member(self._local.host, [host]) if host else None),
        ):
            if value is None:
                continue
            try:
                return kind.read(value)
            except ValueError:
                self._mistakes.append(f"{source} is {value!r}; expected {kind.expected}")
        return default
