from funchost.console.line import ERROR, INFORMATION, LogLine, Printed, Tone, notice
from funchost.console.text import render_text

AT = 1_767_607_200_007_000_000
STAMP = "[2026-01-05T10:00:00.007Z] "


def test_a_line_begins_with_the_utc_time_to_the_millisecond():
    assert render_text(LogLine(AT, INFORMATION, "root", "hello"), colour=False) == f"{STAMP}hello\n"


def test_every_line_of_a_message_and_its_traceback_is_stamped():
    line = LogLine(AT, ERROR, "root", "it failed\nbadly", exception="Traceback:\n  here")
    expected = "".join(f"{STAMP}{part}\n" for part in ("it failed", "badly", "Traceback:", "  here"))
    assert render_text(line, colour=False) == expected


def test_the_stamp_is_grey_and_an_error_red():
    shown = render_text(LogLine(AT, ERROR, "root", "no"), colour=True)
    assert shown == f"\x1b[90m{STAMP}\x1b[0m\x1b[91mno\x1b[0m\n"


def test_what_user_code_prints_stays_as_it_is():
    assert render_text(Printed(AT, "50 %", to_stderr=False), colour=True) == "50 %"


def test_a_notice_is_stamped_when_it_asks_for_it():
    assert render_text(notice(AT, "ready", Tone.HINT, stamped=True), colour=False) == f"{STAMP}ready\n"
    assert render_text(notice(AT, "ready", Tone.HINT), colour=False) == "ready\n"
