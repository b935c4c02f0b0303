from typing import Any

import pytest

from funchost.errors import InvalidArgument
from funchost.web.durable.collector import StartRequest, start_requests


@pytest.mark.parametrize(
    ("value", "requests"),
    [
        (None, []),
        ({"FunctionName": "Hello"}, [StartRequest("Hello", None, None)]),
        ({"functionName": "Hello", "instanceId": "a", "input": [1]}, [StartRequest("Hello", "a", "[1]")]),
        ('[{"FunctionName":"A"},{"FunctionName":"B"}]', [StartRequest("A", None, None), StartRequest("B", None, None)]),
    ],
)
def test_starts_are_read_from_values_and_from_text(value: Any, requests: list[StartRequest]):
    assert start_requests(value) == requests


@pytest.mark.parametrize("value", ["no json", 7, {"InstanceId": "a"}, [{"FunctionName": ""}]])
def test_what_is_no_start_is_refused(value: Any):
    with pytest.raises(InvalidArgument):
        start_requests(value)
