"""Who stands around the author's code is told of each stretch of it, and whether it has run before."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from durable.driver import play, raised, settle
from durable.world import Mode
from funchost.durable.user_code import Guard


class Watcher:
    """Keeps what it was told: ``new`` and ``again`` for stretches, ``.`` when the code is left."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.told: list[str] = []

    def __call__(self, name: str) -> "Watcher":
        self.names.append(name)
        return self

    @property
    def as_guard(self) -> Guard:
        return lambda name: self(name)._watch

    @contextmanager
    def _watch(self, *, replaying: bool) -> Generator[None]:
        self.told.append("again" if replaying else "new")
        yield
        self.told.append(".")


def two_waits(context: Any) -> Any:
    yield context.wait_for_external_event("go")
    yield context.wait_for_external_event("go")


def test_each_stretch_is_watched_and_known_to_be_new_or_not():
    watcher = Watcher()
    play(two_waits, settle, raised("go"), settle, raised("go"), guard=watcher.as_guard, modes=[Mode.REPLAYED])
    assert watcher.names == ["main"] * 3
    assert watcher.told == ["new", ".", *["again", ".", "new", "."], *["again", "."] * 2, "new", "."]


def test_code_that_is_kept_runs_each_stretch_once():
    watcher = Watcher()
    play(two_waits, settle, raised("go"), settle, raised("go"), guard=watcher.as_guard, modes=[Mode.KEPT])
    assert watcher.told == ["new", "."] * 3


def test_a_guard_may_let_a_run_go_unwatched():
    assert play(two_waits, raised("go"), raised("go"), guard=lambda name: None).words[-1].endswith("Completed")


def test_code_that_is_being_closed_is_not_watched():
    watcher = Watcher()
    seen: list[str] = []

    def closing(context: Any) -> Any:
        try:
            yield context.wait_for_external_event("never")
        finally:
            seen.extend(watcher.told)

    play(closing, guard=watcher.as_guard, modes=[Mode.REPLAYED])
    assert seen == watcher.told == ["new", "."]


def test_what_the_code_raises_passes_the_watch():
    def failing(context: Any) -> Any:
        raise ValueError("boom")

    left: list[type[BaseException] | None] = []

    @contextmanager
    def watch(*, replaying: bool) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            left.append(type(error))
            raise

    played = play(failing, guard=lambda name: watch, modes=[Mode.REPLAYED])
    assert played.output == "Orchestrator function 'main' failed: boom"
    assert left == [ValueError]
