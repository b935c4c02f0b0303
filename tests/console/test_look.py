import os
import pty
from collections.abc import Generator

import pytest

from funchost.console.look import Look


@pytest.fixture
def terminal() -> Generator[int]:
    ours, theirs = pty.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_a_terminal_gets_colours(terminal: int):
    assert Look.of("text", {"TERM": "xterm"}, file=terminal).colour


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_asks_for_no_colours_gets_none(terminal: int, environ: dict[str, str]):
    assert not Look.of("text", environ, file=terminal).colour


def test_an_empty_no_color_asks_for_nothing(terminal: int):
    assert Look.of("text", {"NO_COLOR": ""}, file=terminal).colour


def test_host_json_can_switch_colours_off(terminal: int):
    assert not Look.of("text", {}, colours=False, file=terminal).colour


def test_a_file_gets_no_colours():
    read_end, write_end = os.pipe()
    assert not Look.of("text", {}, file=write_end).colour
    os.close(read_end)
    os.close(write_end)
