"""What user values look like in a history, and back."""

import json
from datetime import datetime
from typing import Any

import pytest
from azure.functions import _durable_functions as official
from hypothesis import given
from hypothesis import strategies as st

from durable.releases import needs_central_codec
from funchost.durable import payloads, sdk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Marked:
    def __init__(self, data: Any) -> None:
        self.data = data

    @staticmethod
    def to_json(marked: "Marked") -> Any:
        return marked.data

    @classmethod
    def from_json(cls, data: Any) -> "Marked":
        return cls(data)


@needs_central_codec
@given(JSON)
def test_values_survive_and_their_text_is_that_of_the_installed_codec(value: Any):
    text = payloads.encode(value)
    assert text == official.df_dumps(value)
    assert payloads.decode(text) == value
    assert text.isascii()


@given(JSON)
def test_an_input_survives_both_layers_of_text(value: Any):
    assert payloads.decode_input(payloads.wrap(payloads.encode(value))) == value


@given(JSON)
def test_an_activity_s_argument_survives_its_request(value: Any):
    assert payloads.activity_argument(payloads.activity_input(payloads.encode(value))) == value


@given(JSON)
def test_an_output_is_plain_json(value: Any):
    text = payloads.encode_plain(value)
    assert text is None if value is None else json.loads(str(text)) == value


def test_custom_objects_travel_as_markers():
    text = payloads.encode([Marked(5)])
    assert json.loads(text) == [{"__class__": "Marked", "__module__": __name__, "__data__": 5}]
    assert payloads.decode(text)[0].data == 5


def test_custom_objects_may_stand_in_each_other_and_in_dicts():
    decoded = payloads.decode(payloads.encode({"outer": Marked({"inner": Marked([1])}), "count": 7}))
    assert decoded["count"] == 7
    assert decoded["outer"].data["inner"].data == [1]


def test_subclasses_of_plain_types_use_the_codec():
    class Loud(str):
        __slots__ = ()

    assert payloads.encode(Loud("a")) == '"a"'
    assert payloads.encode(True) == "true"


@pytest.mark.parametrize("value", [{1, 2}, b"x", object()])
def test_what_has_no_json_is_a_type_error(value: object):
    with pytest.raises(TypeError):
        payloads.encode(value)
    with pytest.raises(TypeError):
        payloads.encode_plain(value)


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        (None, None),
        ('{"a": 1}', {"a": 1}),
        ("[1]", [1]),
        ("5", 5),
        ("null", None),
        ('"plain text"', "plain text"),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('"\\"quoted\\""', "quoted"),
        ('"null"', None),
        ('""', ""),
    ],
)
def test_an_input_from_any_client_is_read_by_one_rule(stored: str | None, value: Any):
    assert payloads.decode_input(stored) == value


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        (None, None),
        ("[null]", None),
        ('["null"]', None),
        ('["{\\"a\\": 1}"]', {"a": 1}),
        ('[{"a": 1}]', {"a": 1}),
        ('["no json"]', "no json"),
        ("[5]", 5),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
    ],
)
def test_an_activity_s_request_from_any_engine_is_read(stored: str | None, value: Any):
    assert payloads.activity_argument(stored) == value


def test_an_argument_whose_class_is_gone_is_a_value_error():
    marker = {"__class__": "Gone", "__module__": __name__, "__data__": 1}
    with pytest.raises(ValueError, match="activity trigger input"):
        payloads.activity_argument(payloads.activity_input(json.dumps(marker)))


def test_each_decoding_gives_a_fresh_object():
    text = payloads.encode({"a": [1]})
    first = payloads.decode(text)
    first["a"].append(2)
    assert payloads.decode(text) == {"a": [1]}


# --- what cannot be serialised ------------------------------------------------------------------------


class Visit:
    """Its data holds what JSON has no word for."""

    @staticmethod
    def to_json(visit: "Visit") -> dict[str, Any]:
        return {"guest": "Ada", "when": datetime(2024, 1, 1)}


class Unwilling:
    @staticmethod
    def to_json(value: "Unwilling") -> str:
        raise TypeError("not today")


def circle() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return [1, inner]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"items": [1, {"when": datetime(2024, 1, 1)}]}, "input['items'][1]['when']: "),
        ({"items": [1, 2, 3, Visit()]}, "input['items'][3].when: "),
        ({"a": ({1, 2},)}, "input['a'][0]: "),
        ([Unwilling()], "input[0]: not today"),
        ([{(1, 2): 3}], "input[0]: keys must be str, int, float, bool or None, not tuple"),
    ],
)
def test_the_path_to_what_cannot_be_serialised_is_told(value: Any, path: str):
    with pytest.raises(TypeError) as caught:
        payloads.encode(value)
    assert str(caught.value).startswith(path)
    assert str(caught.value).endswith(str(caught.value.__cause__))


def test_a_circle_is_found_where_it_closes():
    with pytest.raises(ValueError, match=r"status\[1\]\[0\]: Circular reference detected"):
        payloads.encode(circle(), "status")


@pytest.mark.parametrize("value", [datetime(2024, 1, 1), {(1, 2): 3}])
def test_a_value_that_is_itself_to_blame_keeps_the_words_of_the_codec(value: Any):
    with pytest.raises(TypeError) as codec:
        sdk.dumps(value)
    with pytest.raises(TypeError) as caught:
        payloads.encode(value)
    assert str(caught.value) == str(codec.value)


def test_an_output_names_the_part_that_is_no_plain_json():
    with pytest.raises(TypeError, match=r"output\['visit'\]: Object of type Visit is not JSON serializable"):
        payloads.encode_plain({"visit": Visit()})


@needs_central_codec
def test_strict_typing_refuses_an_object_inside_another_value_and_names_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")
    with pytest.raises(TypeError, match=r"input\['a'\]\[1\]: Object of type Visit is not JSON serializable"):
        payloads.encode({"a": [1, Visit()]})
