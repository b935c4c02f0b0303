import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from e2e.command import Command, write_app
from funchost import __version__

BOTH_MODES = pytest.mark.parametrize("mode", [(), ("--no-reload",)], ids=["supervised", "in-process"])


def run(folder: Path, *words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "funchost", *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | (environ or {}), capture_output=True, text=True, timeout=60, check=False
    )


def test_the_version_is_printed_bare(tmp_path: Path):
    ended = run(tmp_path, "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("words", [["dance"], ["start", "--loudly"], ["start", "--timeout", "soon"]])
def test_a_word_that_is_not_known_ends_with_2_and_points_to_the_help(tmp_path: Path, words: list[str]):
    ended = run(tmp_path, *words)
    assert ended.returncode == 2
    assert "--help" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_app_here_or_above_ends_with_2(tmp_path: Path):
    ended = run(tmp_path, "start")
    assert ended.returncode == 2
    assert "no host.json and no function_app.py here or above" in ended.stderr
    assert "Traceback" not in ended.stderr


@BOTH_MODES
def test_a_host_json_that_is_no_json_is_named_with_line_and_column(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path)
    (tmp_path / "host.json").write_text('{\n  "version": "2.0"\n  "x": 1\n}')
    ended = run(tmp_path, "start", "--port", "0", *mode)
    assert ended.returncode == 2
    assert "host.json:3:" in ended.stderr
    assert "Traceback" not in ended.stderr


@BOTH_MODES
def test_an_app_that_does_not_import_ends_with_2_and_its_own_frames(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path, more="\nraise RuntimeError('not today')\n")
    ended = run(tmp_path, "start", "--port", "0", *mode)
    assert ended.returncode == 2
    assert "RuntimeError: not today" in ended.stderr
    assert "function_app.py" in ended.stderr
    assert "importlib" not in ended.stderr


def test_an_app_that_never_finishes_loading_is_given_up(tmp_path: Path):
    write_app(tmp_path, more="\nimport threading\nthreading.Event().wait()\n")
    ended = run(tmp_path, "start", "--port", "0", "--timeout", "1")
    assert ended.returncode == 2
    assert "did not load within 1 s" in ended.stderr


def test_two_functions_of_one_name_are_refused_by_name(tmp_path: Path):
    write_app(tmp_path, more="\n\n@app.function_name('hello')\n@app.route('other')\ndef other(req): ...\n")
    ended = run(tmp_path, "start", "--port", "0")
    assert ended.returncode == 2
    assert "hello" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_store_that_does_not_exist_yet_is_refused(tmp_path: Path):
    write_app(tmp_path)
    ended = run(tmp_path, "start", "--port", "0", "--storage", "azure")
    assert ended.returncode == 2
    assert "--storage azure" in ended.stderr


@BOTH_MODES
def test_a_start_shows_the_functions_and_answers(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path)
    with Command(tmp_path, *mode) as host:
        host.line(r"State is kept in the embedded store")
        host.line(r"Worker process started and initialized\.")
        with host.client() as client:
            assert client.get("/api/hello").text == "one"
        host.line(r"Host lock lease acquired by instance ID '\w+'")
        host.line(r"Executed 'Functions\.hello' \(Succeeded, Id=")
        assert "\x1b[" not in host.output
    assert (tmp_path / ".funchost" / ".gitignore").read_text() == "*\n"


@BOTH_MODES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_host_with_0(tmp_path: Path, mode: tuple[str, ...], number: signal.Signals):
    write_app(tmp_path)
    with Command(tmp_path, *mode) as host:
        with host.client() as client:
            client.get("/api/hello")
        host.press(number)
        assert host.code() == 0


SLOW = """

@app.route("slow")
async def slow(req: func.HttpRequest) -> str:
    import asyncio

    print("slow begins")
    await asyncio.sleep(float(req.params["seconds"]))
    return "done"
"""


@BOTH_MODES
def test_a_request_under_way_is_answered_before_the_host_ends(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path, more=SLOW)
    with Command(tmp_path, *mode) as host, host.client() as client:
        with client.stream("GET", "/api/hello"):
            pass
        answer = start_request(client, "/api/slow?seconds=1")
        host.line("slow begins")
        host.press(signal.SIGINT)
        assert answer() == "done"
        assert host.code() == 0


@BOTH_MODES
def test_a_second_signal_ends_the_host_at_once(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path, more=SLOW)
    with Command(tmp_path, *mode) as host, host.client() as client:
        start_request(client, "/api/slow?seconds=1000")
        host.line("slow begins")
        host.press(signal.SIGINT)
        host.line("Stopping")
        since = time.monotonic()
        host.press_until_gone(signal.SIGINT)
        assert host.code() == 130
        assert time.monotonic() - since < 5


@BOTH_MODES
def test_a_signal_that_a_wrapper_passes_on_too_is_still_the_first(tmp_path: Path, mode: tuple[str, ...]):
    write_app(tmp_path, more=SLOW)
    with Command(tmp_path, *mode) as host, host.client() as client:
        answer = start_request(client, "/api/slow?seconds=1")
        host.line("slow begins")
        host.press(signal.SIGTERM)
        host.send(signal.SIGTERM)
        assert answer() == "done"
        assert host.code() == 0


def start_request(client: httpx.Client, url: str):
    """Sends it on a thread; returns what waits for the answer."""
    from concurrent.futures import Future
    from threading import Thread

    answer: Future[str] = Future()

    def ask() -> None:
        try:
            answer.set_result(client.get(url).text)
        except httpx.HTTPError as problem:
            answer.set_exception(problem)

    Thread(target=ask, daemon=True).start()
    return lambda: answer.result(30)


def test_a_busy_port_is_named_with_its_owner_and_the_remedy(tmp_path: Path):
    write_app(tmp_path)
    with Command(tmp_path) as host, host.client() as client:
        port = client.base_url.port
        ended = run(tmp_path, "start", "--port", str(port))
        assert ended.returncode == 2
        assert f"Port {port} is in use by another funchost" in ended.stderr
        assert "--port" in ended.stderr


def test_a_second_host_in_the_same_folder_says_that_it_is_not_alone(tmp_path: Path):
    write_app(tmp_path)
    with Command(tmp_path) as first, first.client() as client:
        port = client.base_url.port
        with Command(tmp_path) as second:
            second.line(rf"Another funchost runs on this folder \(process \d+, port {port}\)")
            with second.client() as other:
                assert other.get("/api/hello").text == "one"


def test_json_lines_carry_the_records_and_prints_of_user_code(tmp_path: Path):
    write_app(tmp_path, more="\nimport logging\nlogging.warning('imported')\nprint('printed')\n")
    with Command(tmp_path, "--log-format", "json") as host:
        host.line("Host lock lease")
        entries = [json.loads(line) for line in host.output.splitlines()]
    assert {"imported", "printed"} <= {entry["message"] for entry in entries}
    assert all(entry.keys() >= {"time", "level", "category", "message"} for entry in entries)


def test_options_of_the_reference_command_line_that_do_nothing_are_named(tmp_path: Path):
    write_app(tmp_path)
    with Command(tmp_path, "--useHttps", "--language-worker", "-m debugpy") as host:
        host.line("--language-worker has no effect here")
        host.line("--useHttps has no effect here")


def test_sets_iterate_alike_in_every_process_of_a_task_hub(tmp_path: Path):
    write_app(tmp_path, more="\nprint('order', *{str(n) for n in range(50)})\n")
    orders: list[str] = []
    for mode in ((), (), ("--no-reload",)):
        with Command(tmp_path, *mode) as host:
            orders.append(host.line("^order "))
    assert len(set(orders)) == 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the worker")
def test_the_worker_ends_with_its_parent(tmp_path: Path):
    write_app(tmp_path)
    with Command(tmp_path) as host, host.client() as client:
        client.get("/api/hello")
        host.send(signal.SIGKILL)
        host.code()  # and the pipe of its output is closed by the worker too
        with pytest.raises(httpx.ConnectError):
            httpx.get(client.base_url)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_an_app_without_state_runs_in_a_folder_that_is_read_only(tmp_path: Path):
    write_app(tmp_path)
    tmp_path.chmod(0o555)
    try:
        with Command(tmp_path) as host, host.client() as client:
            assert client.get("/api/hello").text == "one"
    finally:
        tmp_path.chmod(0o755)


def test_without_reload_user_code_runs_in_the_process_that_was_started(tmp_path: Path):
    write_app(tmp_path, more="\nimport os\nprint('process', os.getpid())\n")
    with Command(tmp_path, "--no-reload") as host:
        assert host.line("^process ") == f"process {host.pid}"


def test_the_first_answer_comes_within_seconds_of_the_start(tmp_path: Path):
    write_app(tmp_path)
    since = time.monotonic()
    with Command(tmp_path) as host, host.client() as client:
        client.get("/api/hello")
        # A second on a machine of its own; the suite runs beside others.
        assert time.monotonic() - since < 10
