from collections.abc import Callable
from pathlib import Path

import pytest

from samples.host_process import HostProcess

TEXT = "The tide comes in.\n\nThe tide goes out,\nand the sea stays.\n\nTide and sea."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, {"paragraphs": 3, "words": 15, "most_common": ["the", "tide", "and"]}),
        ("", {"paragraphs": 0, "words": 0, "most_common": []}),
    ],
)
def test_the_words_of_all_paragraphs_are_counted(
    copied: Callable[[str], Path], text: str, expected: dict[str, object]
) -> None:
    with HostProcess(copied("fan_out_fan_in")) as host:
        reply = host.http.post("/api/word_count", content=text)
        assert reply.status_code == 202, f"{reply.text}\n{host.output()}"
        assert host.finished(reply.json()["id"])["output"] == expected
