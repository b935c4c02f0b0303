"""Settings read from files that a test writes."""

from pathlib import Path

import pytest

from settings.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def host(folder: Folder) -> Folder:
    """With a host.json that says nothing but its version."""
    return folder.host('{"version": "2.0"}')
