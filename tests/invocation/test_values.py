import json
from typing import Any

import azure.functions as func
import pytest

from funchost.invocation.values import Datum, decode, encoder
from invocation.functions import binding, output


@pytest.mark.parametrize(("annotation", "expected"), [(str, "text"), (bytes, b"text")], ids=["str", "bytes"])
@pytest.mark.parametrize("datum", [Datum("text", "string"), Datum(b"text", "bytes")], ids=["string", "bytes"])
def test_text_and_bytes_are_the_raw_content(annotation: Any, expected: Any, datum: Datum) -> None:
    assert decode(binding("queueTrigger", "msg"), annotation, datum, {}) == expected


def test_other_annotations_get_the_type_of_the_sdk() -> None:
    message = decode(binding("queueTrigger", "msg"), None, Datum("text", "string"), {"Id": Datum("7", "string")})
    assert isinstance(message, func.QueueMessage)
    assert (message.id, message.get_body()) == ("7", b"text")


def test_a_type_unknown_to_the_sdk_gets_what_came() -> None:
    assert decode(binding("table", "rows"), str, Datum("[1]", "json"), {}) == "[1]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", Datum("a", "string")),
        (bytearray(b"a"), Datum(b"a", "bytes")),
        ({"a": 1}, Datum('{"a": 1}', "json")),
        ([1], Datum("[1]", "json")),
        (True, Datum("true", "json")),
        (5, Datum(5, "int")),
        (0.5, Datum(0.5, "double")),
        (None, Datum(None, None)),
    ],
)
def test_generic_outputs_take_json_and_scalars(value: Any, expected: Datum) -> None:
    assert encoder(output("table", "rows"))(value) == expected


def test_a_value_that_an_output_cannot_take_is_a_type_error_that_names_both() -> None:
    with pytest.raises(TypeError, match=r"type dict .* '\$return' \(http\)"):
        encoder(output("http"))({})
    with pytest.raises(TypeError, match="type object"):
        encoder(output("table"))(object())


def test_a_queue_output_takes_what_the_sdk_takes() -> None:
    assert encoder(output("queue", "msg"), func.Out[str])("text") == Datum("text", "string")
    assert encoder(output("queue", "msg"), func.Out[list[str]])(["a"]).type == "json"


def test_a_dict_given_to_a_queue_output_becomes_a_message_of_each_key() -> None:
    datum = encoder(output("queue", "msg"))({"first": 1, "second": 2})
    assert datum.type == "json"
    assert json.loads(str(datum.value)) == ["first", "second"]
