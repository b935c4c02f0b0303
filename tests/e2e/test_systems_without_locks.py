"""A system without the file locks of Linux and macOS, played by a Python that does not have them."""

from pathlib import Path

import pytest

from e2e.command import Command, write_app

_DURABLE = """

import azure.durable_functions as df

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def flow(context):
    yield context.call_activity("nothing")


app.register_functions(blueprint)
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    start = tmp_path / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text('import sys\n\nsys.modules["fcntl"] = None\n')
    return {"PYTHONPATH": str(start)}


@pytest.mark.parametrize("reload", [(), ("--no-reload",)])
def test_durable_functions_are_refused_in_a_line_that_names_the_way_out(
    tmp_path: Path, environ: dict[str, str], reload: tuple[str, ...]
):
    write_app(tmp_path, more=_DURABLE)
    with Command(tmp_path, *reload, environ=environ) as host:
        host.line("file locks that Linux and macOS have.*WSL")
        assert host.code() == 2
        assert "Traceback" not in host.output


def test_an_app_without_durable_functions_runs(tmp_path: Path, environ: dict[str, str]):
    write_app(tmp_path)
    with Command(tmp_path, "--no-reload", environ=environ) as host, host.client() as client:
        assert client.get("/api/hello").text == "one"
