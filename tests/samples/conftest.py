import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from samples.host_process import SAMPLES

_NEVER_COPIED = shutil.ignore_patterns(".funchost", "__pycache__", ".venv")


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """A sample by its name, copied so that a run leaves nothing behind in the repository."""

    def copy(sample: str) -> Path:
        return Path(shutil.copytree(SAMPLES / sample, tmp_path / sample, ignore=_NEVER_COPIED))

    return copy
