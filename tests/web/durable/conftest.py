from functools import partial
from pathlib import Path

import pytest

from coroutines import on_a_loop
from web.durable.connections import Connect, in_process, over_the_socket
from web.durable.durable_app import OpenApp, durable_app

pytest_pyfunc_call = on_a_loop(limit_s=None)


@pytest.fixture
def open_app(tmp_path: Path) -> OpenApp:
    return partial(durable_app, tmp_path)


@pytest.fixture(params=[in_process, over_the_socket], ids=["in process", "over the socket"])
def connect(request: pytest.FixtureRequest) -> Connect:
    return request.param
