import json

from funchost.console.jsonlines import render_json
from funchost.console.line import ERROR, INFORMATION, LogLine, Printed, notice
from funchost.invocation.current import Current

AT = 1_767_607_200_007_000_000


def test_a_record_carries_what_it_belongs_to():
    line = LogLine(AT, ERROR, "myapp", "no\nstock", Current("Reserve", "1-2-3", "order-7"), exception="Traceback")
    assert json.loads(render_json(line)) == {
        "time": "2026-01-05T10:00:00.007Z",
        "level": "Error",
        "category": "myapp",
        "message": "no\nstock",
        "invocationId": "1-2-3",
        "function": "Reserve",
        "instanceId": "order-7",
        "exception": "Traceback",
    }


def test_a_record_is_one_line():
    assert render_json(LogLine(AT, INFORMATION, "root", "a\nb")).count("\n") == 1


def test_each_printed_line_is_a_record_of_the_console_category():
    lines = render_json(Printed(AT, "one\ntwo\n", to_stderr=True)).splitlines()
    assert [(json.loads(line)["message"], json.loads(line)["level"]) for line in lines] == [
        ("one", "Error"),
        ("two", "Error"),
    ]
    assert json.loads(lines[0])["category"] == "Host.Function.Console"


def test_notices_that_only_space_out_text_are_left_out():
    assert render_json(notice(AT, "")) == ""
