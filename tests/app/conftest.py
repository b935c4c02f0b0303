"""Apps in a folder of their own, loaded into a process that is restored afterwards."""

from collections.abc import Generator
from pathlib import Path

import pytest

from app.loader import Loader, restored_process


@pytest.fixture
def loader(tmp_path: Path) -> Generator[Loader]:
    with restored_process(tmp_path):
        yield Loader(tmp_path)
