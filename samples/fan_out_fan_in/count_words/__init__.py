"""How often each word stands in one paragraph."""

from collections import Counter

from ..shared.words import words_of


def main(paragraph: str) -> dict:
    return dict(Counter(words_of(paragraph)))
