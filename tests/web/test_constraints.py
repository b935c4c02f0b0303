import pytest

from funchost.errors import ConfigError
from funchost.web.constraints import parse_constraint

CASES = [
    ("int", None, ["0", "-12", "+7", "2147483647", "-2147483648"], ["", "1.5", "x", "2147483648", "٣"]),
    ("long", None, ["9223372036854775807"], ["9223372036854775808", "1e3"]),
    ("bool", None, ["true", "False", "TRUE"], ["1", "yes", ""]),
    ("datetime", None, ["2026-01-05", "2026-01-05T10:00:00Z", "1/5/2026", "1/5/2026 3:04 PM"], ["soon", "2026-13-01"]),
    ("decimal", None, ["1", "1.5", "-1,000.25", ".5", "5-"], ["", ".", "1e3", "x", "99999999999999999999999999999"]),
    ("double", None, ["1e3", "-1.5", "NaN", "Infinity", ".5"], ["", "x", "1e"]),
    ("float", None, ["1.25"], ["one"]),
    (
        "guid",
        None,
        [
            "0123456789abcdef0123456789ABCDEF",
            "01234567-89ab-cdef-0123-456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "(01234567-89ab-cdef-0123-456789abcdef)",
        ],
        ["{01234567-89ab-cdef-0123-456789abcdef)", "0123", "01234567-89ab-cdef-0123-456789abcdeg"],
    ),
    ("alpha", None, ["abcXYZ"], ["a1", "é", "a b"]),
    ("required", None, ["x"], [""]),
    ("file", None, ["a.txt", "dir/a.b.c", ".x"], ["a", "a.", "dir.d/a"]),
    ("nonfile", None, ["a", "a."], ["a.txt"]),
    ("minlength", "3", ["abc", "abcd"], ["ab"]),
    ("maxlength", "3", ["", "abc"], ["abcd"]),
    ("length", "3", ["abc"], ["ab", "abcd"]),
    ("length", "2,3", ["ab", "abc"], ["a", "abcd"]),
    ("min", "10", ["10", "11"], ["9", "x"]),
    ("max", "10", ["10", "-5"], ["11", "x"]),
    ("range", "1, 5", ["1", "5"], ["0", "6", "1.5"]),
    ("regex", r"^\d{3}$", ["123"], ["12", "1234"]),
    ("regex", "b", ["abc", "B"], ["xyz"]),
]


@pytest.mark.parametrize(("name", "argument", "accepted", "refused"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_constraint_accepts_what_the_reference_host_accepts(
    name: str, argument: str | None, accepted: list[str], refused: list[str]
) -> None:
    constraint = parse_constraint(name, argument, where="f")
    assert [value for value in accepted if not constraint(value)] == []
    assert [value for value in refused if constraint(value)] == []


def test_names_of_constraints_ignore_case() -> None:
    assert parse_constraint("Int", None, where="f")("5")


@pytest.mark.parametrize(
    ("name", "argument"),
    [("number", None), ("int", "5"), ("min", "x"), ("range", "1"), ("regex", "("), ("min", None), ("even", "2")],
)
def test_an_unreadable_constraint_is_an_error_that_names_function_and_constraint(
    name: str, argument: str | None
) -> None:
    with pytest.raises(ConfigError, match=rf"^orders: .*{name}"):
        parse_constraint(name, argument, where="orders")
