import os
import threading

import pytest

from funchost.console.line import ERROR, INFORMATION, Entry, LogLine, Printed
from funchost.console.text import render_text
from funchost.console.writer import ConsoleWriter


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def text(self) -> str:
        os.close(self.write_end)
        with os.fdopen(self.read_end, encoding="utf-8") as reader:
            return reader.read()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def plain(entry: Entry) -> str:
    return render_text(entry, colour=False)


def test_entries_come_out_in_the_order_they_were_put(pipe: Pipe):
    writer = ConsoleWriter(plain, stdout=pipe.write_end)
    writer.start()
    for number in range(1000):
        writer.put(Printed(0, f"{number}\n", to_stderr=False))
    writer.close()
    assert pipe.text().split() == [str(number) for number in range(1000)]


def test_what_does_not_fit_is_counted_and_the_count_is_said(pipe: Pipe):
    writer = ConsoleWriter(plain, stdout=pipe.write_end, capacity=3)
    for number in range(5):
        writer.put(LogLine(0, INFORMATION, "root", f"line {number}"))
    writer.start()
    writer.close()
    text = pipe.text()
    assert "line 2" in text
    assert "line 3" not in text
    assert "2 console lines were dropped" in text


def test_errors_find_room_when_ordinary_lines_do_not(pipe: Pipe):
    writer = ConsoleWriter(plain, stdout=pipe.write_end, capacity=1)
    writer.put(LogLine(0, INFORMATION, "root", "chatter"))
    writer.put(LogLine(0, INFORMATION, "root", "more chatter"))
    writer.put(LogLine(0, ERROR, "root", "the point"))
    writer.start()
    writer.close()
    assert "the point" in pipe.text()


def test_a_reader_that_is_gone_stops_nothing(pipe: Pipe):
    os.close(pipe.read_end)
    writer = ConsoleWriter(plain, stdout=pipe.write_end)
    writer.start()
    writer.put(Printed(0, "into the void\n", to_stderr=False))
    writer.close()
    os.close(pipe.write_end)


def test_close_does_not_wait_for_ever_for_a_reader_that_sleeps(pipe: Pipe):
    writer = ConsoleWriter(plain, stdout=pipe.write_end)
    writer.start()
    writer.put(Printed(0, "x" * 1_000_000, to_stderr=False))
    closing = threading.Thread(target=writer.close)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    os.close(pipe.read_end)
    os.close(pipe.write_end)
