"""The README is run as a reader would: its blocks in order, in one folder, the answers compared."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from samples.documents import REPOSITORY, Block, blocks
from samples.host_process import eventually

_INSTALL_LIMIT_S = 300


class Reader:
    """Somebody who follows the README in ``folder``: writes the Python, types the commands, compares the answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.host: subprocess.Popen[bytes] | None = None
        self.answer = ""
        (folder / "funchost").symlink_to(REPOSITORY)
        first = [str(folder / ".venv" / "bin"), str(Path(sys.executable).parent)]
        self._path = os.pathsep.join([*first, os.environ["PATH"]])

    def follow(self, block: Block) -> None:
        match block.kind:
            case "python":
                self._save(block.text)
            case "text":
                assert self.answer.strip() == block.text.strip()
            case "sh" if block.text.strip() == "funchost start":
                self._start()
            case "sh":
                self._type(block.text)
            case other:
                raise AssertionError(f"nobody knows how to follow a {other} block")

    def close(self) -> None:
        if self.host is not None:
            self.host.terminate()
            self.host.wait(30)

    def _save(self, code: str) -> None:
        (self.folder / "function_app.py").write_text(code)
        if self.host is not None:
            listed = re.findall(r"^(?:async )?def (\w+)", code, re.MULTILINE)
            eventually(
                lambda: all(name in self._console() for name in listed) or None, what="the new list of functions"
            )

    def _console(self) -> str:
        return (self.folder / "host.log").read_text(errors="replace")

    def _start(self) -> None:
        self.close()
        with (self.folder / "host.log").open("wb") as log:
            command = ["funchost", "start", "--port", str(self.port)]
            self.host = subprocess.Popen(command, cwd=self.folder, env=self._env(), stdout=log, stderr=log)
        eventually(self._answers, what="the host's first answer")

    def _type(self, commands: str) -> None:
        commands = commands.replace("localhost:7071", f"127.0.0.1:{self.port}")
        done = subprocess.run(
            ["sh", "-e", "-c", commands],
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            timeout=_INSTALL_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.answer = done.stdout

    def _env(self) -> dict[str, str]:
        return {**os.environ, "PATH": self._path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def _answers(self) -> bool | None:
        assert self.host is not None
        assert self.host.poll() is None, self._console()
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/")
        except httpx.TransportError:
            return None
        return True


@pytest.fixture
def reader(tmp_path: Path) -> Generator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README asks with curl")
@pytest.mark.timeout(_INSTALL_LIMIT_S + 60)
def test_who_follows_the_readme_sees_what_it_says(reader: Reader) -> None:
    for block in blocks("README.md"):
        reader.follow(block)


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (REPOSITORY / "README.md").read_text())
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
