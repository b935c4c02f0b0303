"""A thread that watches, on the real clock and with tiny pauses."""

import threading
from collections.abc import Callable

import pytest

from funchost.watch import WatchThread

WAIT_S = 5.0


class Things:
    """Looked at until they are gone; ``looked`` is set at each look that finds one."""

    def __init__(self) -> None:
        self.there = set[int]()
        self.looked = threading.Event()
        self.looks_at_nothing = 0

    def look(self) -> float | None:
        if not self.there:
            self.looks_at_nothing += 1
            return None
        self.looked.set()
        return 0.001


@pytest.fixture
def things() -> Things:
    return Things()


def watching(look: Callable[[], float | None]) -> WatchThread:
    thread = WatchThread("watch", look)
    thread.start()
    return thread


def test_what_begins_is_looked_at_again_and_again(things: Things) -> None:
    thread = watching(things.look)
    things.there.add(1)
    thread.wake()
    for _ in range(3):
        things.looked.clear()
        assert things.looked.wait(WAIT_S)
    thread.stop()


def test_what_begins_after_a_rest_is_seen_too(things: Things) -> None:
    thread = watching(things.look)
    for n in range(200):
        things.looked.clear()
        things.there.add(n)
        thread.wake()
        assert things.looked.wait(WAIT_S), n
        things.there.clear()
    thread.stop()


def test_it_sleeps_while_there_is_nothing(things: Things) -> None:
    thread = watching(things.look)
    thread.wake()
    thread.stop()
    assert things.looks_at_nothing <= 2


def test_it_can_be_stopped_before_it_was_started(things: Things) -> None:
    WatchThread("watch", things.look).stop()


def test_a_look_that_fails_is_logged_and_not_the_last(things: Things, caplog: pytest.LogCaptureFixture) -> None:
    looks = iter([True])

    def look() -> float | None:
        if next(looks, False):
            raise OSError("a mistake of ours")
        return things.look()

    thread = watching(look)
    things.there.add(1)
    thread.wake()
    assert things.looked.wait(WAIT_S)
    thread.stop()
    assert "the watch watch missed a look" in caplog.text
