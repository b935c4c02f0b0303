"""What counts as a word."""

import re

_WORD = re.compile(r"[^\W\d_]+")


def words_of(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
