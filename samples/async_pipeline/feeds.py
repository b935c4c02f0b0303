"""Where the pipeline gets its pages from: stands in for somebody else's server, with its moods."""

from collections import Counter

PAGES = {"quiet": ["tide tables", "wind"], "flaky": ["sun", "rain", "hail"], "slow": ["fog"]}

_asked: Counter[str] = Counter()


class NoSuchFeed(LookupError):
    """Asking again would not help."""


class Busy(ConnectionError):
    """Asking again later helps."""


def pages_of(feed: str) -> list[str]:
    """``flaky`` is busy the first two times in a row."""
    if feed not in PAGES:
        raise NoSuchFeed(feed)
    _asked[feed] += 1
    if feed == "flaky" and _asked[feed] % 3:
        raise Busy(f"{feed} is busy ({_asked[feed]})")
    return PAGES[feed]
