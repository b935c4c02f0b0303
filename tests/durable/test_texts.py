"""Failure texts that are matched on elsewhere."""

import json

from funchost.durable import texts


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_activity_s_failure_has_two_blanks_before_its_type():
    assert texts.activity_failed("F", ValueError("boom")) == "Activity function 'F' failed:  ValueError: boom"


def test_a_failure_without_a_text_still_has_one():
    assert texts.activity_failed("F", MuteError()).startswith("Activity function 'F' failed:  MuteError: <")
    assert texts.error_text(MuteError()).endswith("MuteError'>")
    assert texts.error_text(ValueError()) == "<class 'ValueError'>"


def test_details_are_a_serialised_exception():
    details = json.loads(texts.activity_failure_details('say "hi"', "line 1\nline 2"))
    assert list(details) == [
        "$type",
        "ClassName",
        "Message",
        "Data",
        "InnerException",
        "HelpURL",
        "StackTraceString",
    ]
    assert (details["Message"], details["StackTraceString"]) == ('say "hi"', "line 1\nline 2")


def test_a_function_is_unknown_under_any_name():
    assert texts.unknown_function("\ud800", "activity", []).startswith("The function '\\ud800' doesn't exist")


def test_lone_surrogates_become_visible_escapes():
    for text in (texts.error_text(ValueError("\ud800")), texts.activity_failed("F", ValueError("\ud800"))):
        assert text.endswith("\\ud800")
        text.encode()


def test_known_functions_are_listed_in_order():
    assert texts.unknown_function("x", "activity", ["b", "A"]).endswith(
        "The following are the known activity functions: 'A', 'b'."
    )
    assert texts.unknown_function("x", "orchestrator", []).endswith(
        "No orchestrator functions are currently registered!"
    )


def test_a_failed_task_s_text_joins_reason_and_details():
    assert texts.task_failure("r", "d") == "r \n d"


def test_the_details_of_a_failure_are_taken_apart_again():
    details = texts.orchestrator_failure_details("boom", "Traceback\n  line 3")
    assert texts.parts_of_failure_details(details) == ("boom", "Traceback\n  line 3")
    assert texts.parts_of_failure_details("just so") == ("just so", "")


def test_a_traceback_is_shown_to_people_without_the_serialised_errors_in_it():
    details = texts.activity_failure_details('ValueError: "boom"', 'Traceback\n  File "a.py"}\nValueError: "boom"')
    failure = texts.task_failure("Activity function 'a' failed:  ValueError: boom", details)
    nested = texts.task_failure("Orchestrator function 'b' failed: " + failure, f"Message: {failure}, StackTrace: here")
    shown = texts.for_people(f'  File "main.py", line 1\nException: {nested}\n')
    assert "$type" not in shown
    assert shown.split("\n") == [
        '  File "main.py", line 1',
        "Exception: Orchestrator function 'b' failed: Activity function 'a' failed:  ValueError: boom ",
        " Message: Activity function 'a' failed:  ValueError: boom, StackTrace: here",
    ]
