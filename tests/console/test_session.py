import io
import json
import logging
import os
import sys
from collections.abc import Callable

import pytest

from funchost.console.filters import parse_levels
from funchost.console.look import Look
from funchost.console.session import Console
from funchost.invocation.current import CURRENT, Current


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Callable[[Console, Callable[[Console], None]], str]:
    """Runs something inside a console, and returns what came out of file descriptor 1."""

    def run(console: Console, body: Callable[[Console], None]) -> str:
        read_end, write_end = os.pipe()
        console._writer._files = (write_end, write_end)
        with console:
            body(console)
        os.close(write_end)
        with os.fdopen(read_end, encoding="utf-8") as reader:
            return reader.read()

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    return run


Captured = Callable[[Console, Callable[[Console], None]], str]


def test_prints_and_records_come_out_in_order(captured: Captured):
    def body(_: Console) -> None:
        print("first")
        logging.getLogger("app").warning("second")
        print("third", file=sys.stderr)

    text = captured(Console(Look()), body)
    assert [line.rpartition(" ")[2] for line in text.splitlines()] == ["first", "second", "third"]


def test_a_prompt_without_line_end_is_shown_when_it_is_flushed(captured: Captured):
    def body(_: Console) -> None:
        print("(Pdb) ", end="", flush=True)
        print("")

    assert captured(Console(Look()), body) == "(Pdb) \n"


def test_lines_of_the_reference_worker_are_hidden(captured: Captured):
    def body(_: Console) -> None:
        print("LanguageWorkerConsoleLog internal")
        print("mine")

    assert captured(Console(Look()), body) == "mine\n"


def test_records_carry_the_running_invocation(captured: Captured):
    def body(_: Console) -> None:
        token = CURRENT.set(Current("Hello", "id-1", "instance-1"))
        logging.info("hi")
        CURRENT.reset(token)

    line = json.loads(captured(Console(Look(json=True)), body))
    assert (line["category"], line["function"], line["invocationId"], line["instanceId"]) == (
        "root",
        "Hello",
        "id-1",
        "instance-1",
    )


def test_what_the_host_says_of_an_orchestration_is_shown_and_labelled_with_the_instance(captured: Captured):
    def body(_: Console) -> None:
        token = CURRENT.set(Current("Activity", "id-1"))
        facts = {"instance_id": "order-7"}
        logging.getLogger("Function.Ship").info("Orchestration '%s' ended", "order-7", extra=facts)
        logging.getLogger("Function.Ship").info("Some detail", extra=facts)
        CURRENT.reset(token)

    line = json.loads(captured(Console(Look(json=True)), body))
    assert (line["function"], line["instanceId"]) == ("Ship", "order-7")
    assert "invocationId" not in line


def test_a_record_that_cannot_be_formatted_is_shown_as_far_as_it_goes(captured: Captured):
    def body(console: Console) -> None:
        # Past the loggers: the test runner's own handler stumbles over such a record.
        console._handler.handle(logging.LogRecord("app", logging.ERROR, __file__, 1, "%d apples", ("many",), None))

    assert "%d apples <the message could not be formatted: TypeError>" in captured(Console(Look()), body)


def test_a_traceback_stands_under_its_message(captured: Captured):
    def body(_: Console) -> None:
        try:
            raise KeyError("missing")
        except KeyError:
            logging.getLogger("app").exception("lookup failed")

    lines = [line[27:] for line in captured(Console(Look()), body).splitlines()]
    assert lines[0] == "lookup failed"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'missing'"


def test_debug_records_show_where_the_settings_say_so(captured: Captured):
    def body(_: Console) -> None:
        logging.getLogger("app").debug("detail")

    assert "detail" not in captured(Console(Look()), body)
    assert "detail" in captured(Console(Look(), levels=parse_levels({"app": "Debug"})), body)
    silent = Console(Look(), levels=parse_levels({"app": "Debug"}), debug_logging=False)
    assert "detail" not in captured(silent, body)


@pytest.mark.parametrize(
    ("levels", "made"),
    [
        ({}, True),
        ({"default": "Warning"}, False),
        ({"default": "Warning", "Function": "Information"}, True),
        ({"default": "Warning", "Function.hello": "Information"}, True),
        ({"default": "Warning", "Func*": "Information"}, True),
        ({"default": "Warning", "Functions": "Information", "Host": "Information"}, False),
    ],
)
def test_a_line_for_each_invocation_is_made_only_where_the_settings_show_it(
    captured: Captured, levels: dict[str, str], made: bool
):
    logger = logging.getLogger("Function.hello")

    def body(_: Console) -> None:
        assert logger.isEnabledFor(logging.INFO) is made
        logger.info("Executed 'Functions.hello' (Succeeded)")

    assert ("Executed" in captured(Console(Look(), levels=parse_levels(levels)), body)) is made
    assert logger.isEnabledFor(logging.WARNING)
    assert logging.getLogger("Function").level == logging.NOTSET


def test_leaving_gives_the_streams_back(captured: Captured):
    before = sys.stdout
    captured(Console(Look()), lambda _: None)
    assert sys.stdout is before
