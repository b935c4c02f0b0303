"""Durations in text."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.timespan import format_timespan, parse_timespan


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("01:30", timedelta(hours=1, minutes=30)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.5", timedelta(milliseconds=500)),
        ("-00:00:01", timedelta(seconds=-1)),
        ("24:00:00", timedelta(days=24)),
        ("24:10:30", timedelta(days=24, hours=10, minutes=30)),
    ],
)
def test_a_duration_is_read(text: str, span: timedelta):
    assert parse_timespan(text) == span


@pytest.mark.parametrize("text", ["", "5", "00:60:00", "00:00:60", "soon", "1:2:3:4:5", "1.24:00:00"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="duration"):
        parse_timespan(text)


@given(st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)))
def test_a_printed_duration_reads_back_the_same(span: timedelta):
    assert parse_timespan(format_timespan(span)) == span
