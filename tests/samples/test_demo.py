import subprocess
import sys

from samples.host_process import SAMPLES


def test_the_demo_sees_an_orchestration_outlive_its_host() -> None:
    command = [sys.executable, str(SAMPLES / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "KILLED the host" in done.stdout
    assert "The orchestration outlived its host." in done.stdout
