"""Coroutine tests, and the folder that the hosts of a test share."""

from pathlib import Path

import pytest

from coroutines import on_a_loop
from recovery.host import Folder

pytest_pyfunc_call = on_a_loop(limit_s=60)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
