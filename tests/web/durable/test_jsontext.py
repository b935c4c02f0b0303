import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.web.durable.jsontext import InvalidJson, body_text, encode, stored_value


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, None),
        ("", ""),
        ("  ", ""),
        ('{"city":"Oslo"}', {"city": "Oslo"}),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ("123", 123),
        ("true", True),
        ("because I said so", "because I said so"),
        ("{broken", "{broken"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_stored_text_shows_as_its_json_value_or_as_itself(stored: str | None, shown: object):
    assert stored_value(stored) == shown


def test_text_that_is_nested_too_deeply_shows_as_itself():
    text = "[" * 100_000
    assert stored_value(text) == text


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (b"", None),
        (b" \r\n", None),
        (b'{ "city" : "Oslo" }', '{"city":"Oslo"}'),
        (b'"{\\"a\\": 1}"', '"{\\"a\\": 1}"'),
        ('\ufeff{"city":"Tromsø"}'.encode(), '{"city":"Tromsø"}'),
        (b'"2024-05-01T10:00:00Z"', '"2024-05-01T10:00:00Z"'),
        (b"null", "null"),
        (b'"\\ud800"', '"\\ud800"'),
    ],
)
def test_a_body_is_stored_compactly_and_otherwise_as_it_came(body: bytes, stored: str | None):
    assert body_text(body) == stored


@pytest.mark.parametrize("body", [b"{", b"{} x", b"[1,]", b"[" * 100_000, b"1" * 5000])
def test_a_body_that_is_not_json_is_refused(body: bytes):
    with pytest.raises(InvalidJson):
        body_text(body)


def test_what_is_sent_is_json_for_every_parser():
    value = {"a": [float("nan"), float("inf"), -float("inf")], "b": "ø", "c": "\ud800"}
    sent = json.loads(encode(value), parse_constant=pytest.fail)
    assert sent == {"a": ["NaN", "Infinity", "-Infinity"], "b": "ø", "c": "\ud800"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.sampled_from([None, 2]))
def test_no_value_changes_on_its_way_in_and_out(value: object, indent: int | None):
    stored = body_text(json.dumps(value, indent=indent).encode())
    assert json.loads(encode(stored_value(stored))) == value
