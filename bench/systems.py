"""The systems under test. Each is started for its turn, on free ports and an empty store, and stopped after it."""

import contextlib
import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Client
from bench.processes import Server, free_port, wait_for_answer

__all__ = [
    "DBOS",
    "FUNCHOST",
    "FUNCHOST_KEPT",
    "FUNCHOST_QUIET",
    "RESTATE",
    "STARLETTE",
    "Running",
    "System",
    "running",
]

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "bench" / "app"
_BIN = Path(sys.executable).parent
# The end of an instance in the same process is noticed at once, whatever the interval.
_WAIT = "/runtime/webhooks/durabletask/orchestrators/{name}?timeout=600&pollingInterval=5"
_RESTATE_SERVER = ROOT / "bench" / "node_modules" / ".bin" / "restate-server"


@dataclass(frozen=True, slots=True)
class Running:
    """A started system. ``server`` is the process whose CPU and memory count; an orchestration is called by its
    ``name`` in ``call_path``, with the input as JSON, and answered with its result."""

    base: str
    server: Server
    call_path: str

    def url(self, orchestration: str) -> str:
        return self.base + self.call_path.format(name=orchestration)


Start = Callable[[Path], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class System:
    name: str
    start: Start


@contextlib.asynccontextmanager
async def running(system: System) -> AsyncGenerator[tuple[Running, Client]]:
    """``system``, started in a folder of its own that is deleted afterwards, and a client for it."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{system.name}-"))
    try:
        with system.start(folder) as started:
            async with Client(started.base) as client:
                yield started, client
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _served(server: Server, base: str, call_path: str, *, first: str) -> Generator[Running]:
    with server:
        wait_for_answer(base + first, server)
        yield Running(base, server, call_path)


def _funchost(env: Mapping[str, str]) -> Start:
    def start(folder: Path) -> AbstractContextManager[Running]:
        app = folder / "app"
        shutil.copytree(APP, app, ignore=shutil.ignore_patterns(".funchost", "__pycache__"))
        port = free_port()
        command = [str(_BIN / "funchost"), "start", "--no-reload", "--storage", "embedded", "--port", str(port)]
        server = Server("funchost", command, cwd=app, folder=folder, env=env)
        base = f"http://127.0.0.1:{port}"
        return _served(server, base, _WAIT, first="/api/hello")

    return start


def _asgi_on_uvicorn(name: str, app: str, port: int, folder: Path, env: Mapping[str, str]) -> Server:
    # The settings that the function host runs with: one process, uvloop, httptools, no access log.
    command = [str(_BIN / "uvicorn"), app, "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    return Server(name, [*command, "--no-access-log"], cwd=ROOT, folder=folder, env=env)


def _dbos(folder: Path) -> AbstractContextManager[Running]:
    port = free_port()
    env = {"BENCH_DATABASE_URL": f"sqlite:///{folder / 'dbos.sqlite'}"}
    server = _asgi_on_uvicorn("dbos", "bench.peers.dbos_app:app", port, folder, env)
    base = f"http://127.0.0.1:{port}"
    return _served(server, base, "/{name}", first="/")


def _starlette(folder: Path) -> AbstractContextManager[Running]:
    port = free_port()
    server = _asgi_on_uvicorn("starlette", "bench.peers.starlette_app:app", port, folder, {})
    base = f"http://127.0.0.1:{port}"
    return _served(server, base, "", first="/api/hello")


@contextlib.contextmanager
def _restate(folder: Path) -> Generator[Running]:
    ingress, admin, node, service = free_port(), free_port(), free_port(), free_port()
    env = {
        "DO_NOT_TRACK": "1",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
    }
    command = [str(_RESTATE_SERVER), "--base-dir", str(folder / "base"), "--node-name", "bench", "--no-logo"]
    handlers = [str(_BIN / "hypercorn"), "--bind", f"127.0.0.1:{service}", "bench.peers.restate_app:app"]
    base = f"http://127.0.0.1:{ingress}"
    with (
        Server("restate-handlers", handlers, cwd=ROOT, folder=folder, env={}) as served,
        Server("restate", command, cwd=folder, folder=folder, env=env) as server,
    ):
        wait_for_answer(f"http://127.0.0.1:{service}/discover", served)
        wait_for_answer(f"http://127.0.0.1:{admin}/health", server)
        _register(f"http://127.0.0.1:{admin}/deployments", f"http://127.0.0.1:{service}")
        wait_for_answer(f"{base}/restate/health", server)
        yield Running(base, server, "/bench/{name}")


def _register(admin: str, service: str) -> None:
    body = json.dumps({"uri": service}).encode()
    request = urllib.request.Request(admin, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


FUNCHOST = System("funchost", _funchost({}))
FUNCHOST_QUIET = System("funchost-quiet", _funchost({"AzureFunctionsJobHost__logging__logLevel__default": "Warning"}))
FUNCHOST_KEPT = System(
    "funchost-kept", _funchost({"AzureFunctionsJobHost__extensions__durableTask__extendedSessionsEnabled": "true"})
)
RESTATE = System("restate", _restate)
DBOS = System("dbos", _dbos)
STARLETTE = System("starlette", _starlette)
