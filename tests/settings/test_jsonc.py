"""Lenient JSON with true places."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.settings.jsonc import JsonMistake, line_of, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_whatever_is_strict_json_reads_as_it_does_strictly(value: object):
    text = json.dumps(value, indent=1, ensure_ascii=False)
    assert parse(text) == value


def test_what_looks_lenient_inside_text_is_left_alone():
    assert parse('{"a": "// no comment /* */", "b": ",}", "c": "\\"//"}') == {
        "a": "// no comment /* */",
        "b": ",}",
        "c": '"//',
    }


def test_places_after_a_comment_are_those_of_the_file():
    with pytest.raises(JsonMistake) as caught:
        parse('{ /* two\nlines */ "a": 1, // here\n  "b": oops }')
    assert (caught.value.line, caught.value.column) == (3, 8)


def test_the_line_of_a_member_is_found_by_its_keys_in_any_case():
    text = '{\n "a": [\n  {"x": 1},\n  {"B": {\n   "c": 2}}\n ]\n}'
    assert line_of(text, ["a"]) == 2
    assert line_of(text, ["A", 1, "b", "C"]) == 5
    assert line_of(text, ["a", 1, "missing"]) == 4
    assert line_of(text, ["missing"]) is None
