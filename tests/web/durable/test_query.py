import pytest

from funchost.durable.status import RuntimeStatus
from funchost.instant import isoformat
from funchost.web.durable.query import QueryParameters, parse_moment


def test_names_are_found_in_any_case_and_values_decoded_once():
    query = QueryParameters.parse("REASON=too+late%2B%2541&x=")
    assert query.text("reason") == "too late+%41"
    assert query.text("X") == ""
    assert query.text("y") is None


def test_a_repeated_name_counts_as_one_list():
    query = QueryParameters.parse("runtimeStatus=Running&runtimestatus=Failed,Completed")
    assert query.statuses("runtimeStatus") == {RuntimeStatus.RUNNING, RuntimeStatus.FAILED, RuntimeStatus.COMPLETED}


@pytest.mark.parametrize(
    ("value", "flag"), [("true", True), (" TRUE ", True), ("False", False), ("1", None), ("yes", None), ("", None)]
)
def test_a_flag_that_is_neither_true_nor_false_is_not_given(value: str, flag: bool | None):
    query = QueryParameters([("f", value)])
    assert query.flag("f", default=True) == (True if flag is None else flag)
    assert query.flag("f", default=False) == (False if flag is None else flag)


@pytest.mark.parametrize(
    ("value", "number"), [("10", 10.0), ("0.5", 0.5), (".5", 0.5), ("1e3", None), ("nan", None), ("", None)]
)
def test_seconds_are_decimal_numbers(value: str, number: float | None):
    assert QueryParameters([("timeout", value)]).seconds("timeout") == number


def test_a_top_that_is_no_integer_is_not_given():
    assert QueryParameters([("top", "7")]).integer("top") == 7
    assert QueryParameters([("top", "7.5")]).integer("top") is None


@pytest.mark.parametrize(
    ("value", "statuses"),
    [
        ("Running, Suspended", {RuntimeStatus.RUNNING, RuntimeStatus.SUSPENDED}),
        ("3,5", {RuntimeStatus.FAILED, RuntimeStatus.TERMINATED}),
        ("running,Nonsense", set[RuntimeStatus]()),
    ],
)
def test_statuses_are_exact_names_or_numbers_and_others_vanish(value: str, statuses: set[RuntimeStatus]):
    assert QueryParameters([("runtimeStatus", value)]).statuses("runtimeStatus") == statuses


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T10:00:00.1234567Z", "2024-05-01T10:00:00.1234567Z"),
        ("2024-05-01T10:00:00.000000Z", "2024-05-01T10:00:00Z"),
        ("2024-05-01T10:00:00", "2024-05-01T10:00:00Z"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00Z"),
        ("2024-05-01T12:00:00 02:00", "2024-05-01T10:00:00Z"),
        ("2024-05-01", "2024-05-01T00:00:00Z"),
        ("2024-05-01 10:30", "2024-05-01T10:30:00Z"),
        ("05/01/2024", "2024-05-01T00:00:00Z"),
        ("5/1/2024 1:05:09 PM", "2024-05-01T13:05:09Z"),
        ("5/1/2024 12:00 am", "2024-05-01T00:00:00Z"),
    ],
)
def test_a_time_is_read_liberally_and_is_utc_without_a_zone(text: str, moment: str):
    instant = parse_moment(text)
    assert instant is not None
    assert isoformat(instant) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "2024-02-30", "2024-05-01T25:00", "13:00 PM", "9999-12-31T23:59:59-01:00"]
)
def test_what_is_no_time_is_not_given(text: str):
    assert QueryParameters([("createdTimeFrom", text)]).moment("createdTimeFrom") is None
