"""The command as a process: what it makes of how it was started."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_a_standard_stream_ends_as_others_do(closed: str) -> None:
    command = ["/bin/sh", "-c", f'exec "$0" -m funchost {closed}', sys.executable]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
