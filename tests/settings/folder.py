"""An app folder that a test writes its settings into."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from funchost.errors import ConfigError
from funchost.settings import Settings, load_settings

__all__ = ["Folder"]


@dataclass(frozen=True)
class Folder:
    """An app folder; ``read`` loads its settings with an environment of only what the test gives."""

    path: Path

    def host(self, text: str) -> "Folder":
        (self.path / "host.json").write_text(text, encoding="utf-8")
        return self

    def local(self, text: str) -> "Folder":
        (self.path / "local.settings.json").write_text(text, encoding="utf-8")
        return self

    def read(self, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        return load_settings(self.path, environ or {}, flags)[0]

    def notes(self, environ: Mapping[str, str] | None = None) -> list[str]:
        return load_settings(self.path, environ or {}, {})[1]

    def mistakes(self, environ: Mapping[str, str] | None = None, **flags: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_settings(self.path, environ or {}, flags)
        return str(caught.value).splitlines()
