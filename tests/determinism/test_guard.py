"""Watching orchestrators for calls that no replay repeats."""

import functools
import importlib
import logging
import os
import random
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from determinism.clocks import shift
from durable.driver import Activities, play, raised, settle
from durable.world import Mode
from funchost.determinism import DeterminismGuard

ACTIVITIES: Activities = {"echo": lambda value: value}
HERE = Path(__file__).name


class Told(list[str]):
    """What the guard has told."""

    def guard(self, *, clean_stretches: int = 200) -> DeterminismGuard:
        return DeterminismGuard(lambda name, line: self.append(line), clean_stretches=clean_stretches)


def told_of(call: Callable[[], object]) -> list[str]:
    def main(context: Any) -> Any:
        call()
        yield context.call_activity("echo", 1)

    told = Told()
    play(main, activities=ACTIVITIES, guard=told.guard(), modes=[Mode.REPLAYED])
    return told


now = datetime.now
roll = random.randint


def in_a_helper() -> float:
    return time.time()


def sleeps() -> None:
    time.sleep(0)


def starts_a_thread() -> None:
    thread = threading.Thread(target=len, args=([],))
    thread.start()
    thread.join()


def submits() -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(len, [])


def asks_the_network() -> None:
    requests = importlib.import_module("requests")
    with pytest.raises(requests.RequestException):
        requests.get("http://127.0.0.1:1/", timeout=1)


@pytest.mark.parametrize(
    ("call", "named", "instead"),
    [
        (lambda: datetime.now(UTC), "datetime.now()", "use context.current_utc_datetime"),
        (now, "datetime.now()", "use context.current_utc_datetime"),
        (date.today, "date.today()", "use context.current_utc_datetime"),
        (time.monotonic, "time.monotonic()", "use context.current_utc_datetime"),
        (in_a_helper, "time.time()", "use context.current_utc_datetime"),
        (sleeps, "time.sleep()", "use context.create_timer(...)"),
        (random.random, "random.random()", "draw it in an activity"),
        (lambda: roll(1, 6), "random.randint()", "draw it in an activity"),
        (lambda: random.choice([1, 2]), "random.choice()", "random.Random(context.new_uuid())"),
        (uuid.uuid4, "uuid.uuid4()", "use context.new_uuid() or context.new_guid()"),
        (uuid.uuid1, "uuid.uuid1()", "use context.new_uuid() or context.new_guid()"),
        (lambda: os.urandom(1), "os.urandom()", "draw it in an activity"),
        (secrets.token_hex, "secrets.token_hex()", "draw it in an activity"),
        (lambda: secrets.choice([1]), "random.choice()", "draw it in an activity"),
        (lambda: Path(__file__).read_text(), "Path.read_text()", "do it in an activity and return it"),
        (lambda: open(__file__).close(), "open()", "do it in an activity and return it"),
        (starts_a_thread, "Thread.start()", "do it in an activity"),
        (submits, "ThreadPoolExecutor.submit()", "do it in an activity"),
        (asks_the_network, "requests", "use context.call_http(...) or an activity"),
    ],
)
def test_a_call_that_no_replay_repeats_is_told_with_what_to_use_instead(
    call: Callable[[], object], named: str, instead: str
):
    told = told_of(call)
    assert len(told) == 1
    assert told[0].startswith(f"Orchestrator 'main' calls {named} ({HERE}, line ")
    assert instead in told[0]
    assert told[0].endswith("(extensions.funchost.determinismWarnings in host.json switches this off.)")


@pytest.mark.parametrize(
    "call",
    [
        lambda: logging.getLogger("quiet").warning("logged"),
        lambda: uuid.uuid5(uuid.NAMESPACE_URL, "name"),
        lambda: random.Random(7).randint(1, 6),
        lambda: datetime(2024, 1, 1).isoformat(),
        lambda: os.environ.get("HOME"),
        lambda: importlib.reload(sys.modules["determinism.clocks"]),
        lambda: time.strftime("%Y", (2024, 1, 1, 0, 0, 0, 0, 1, 0)),
        functools.lru_cache(lambda: 3),
    ],
)
def test_what_replays_alike_or_is_a_library_s_own_affair_is_not_told(call: Callable[[], object]):
    assert told_of(call) == []


def test_the_line_is_the_nearest_of_the_app_s_own_code():
    line = in_a_helper.__code__.co_firstlineno + 1
    assert f"({HERE}, line {line})" in told_of(in_a_helper)[0]


def test_a_call_through_an_installed_library_is_told_at_the_line_that_calls_the_library(tmp_path: Path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "stopwatch_library.py").write_text("import time\n\ndef read():\n    return time.time()\n")
    sys.path.append(str(folder))
    try:
        read: Callable[[], float] = importlib.import_module("stopwatch_library").read

        def calls() -> float:
            return read()

        line = calls.__code__.co_firstlineno + 1
        assert f"calls time.time() ({HERE}, line {line})" in told_of(calls)[0]
    finally:
        sys.path.remove(str(folder))
        del sys.modules["stopwatch_library"]


def test_each_line_is_told_once_in_all_runs():
    def main(context: Any) -> Any:
        for _ in range(3):
            shift(time.time())
            yield context.call_activity("echo", 1)
        shift(time.time())

    told = Told()
    guard = told.guard()
    for _ in range(2):
        play(main, activities=ACTIVITIES, guard=guard)
    assert [line.partition(" (")[0] for line in told] == ["Orchestrator 'main' calls time.time()"] * 2


def test_a_replay_is_watched_once_and_later_ones_are_not():
    profiled: list[bool] = []

    def main(context: Any) -> Any:
        profiled.append(sys.getprofile() is not None)
        yield context.wait_for_external_event("go")
        yield context.wait_for_external_event("go")

    play(main, settle, raised("go"), settle, raised("go"), guard=Told().guard(), modes=[Mode.REPLAYED])
    assert profiled == [True, True, False]


def test_a_function_that_is_clean_for_long_enough_is_left_alone():
    profiled: list[bool] = []

    def main(context: Any) -> Any:
        for n in range(4):
            profiled.append(sys.getprofile() is not None)
            yield context.call_activity("echo", n)

    play(main, activities=ACTIVITIES, guard=Told().guard(clean_stretches=2), modes=[Mode.KEPT])
    assert profiled == [True, True, False, False]


def test_nobody_is_watched_while_somebody_else_profiles():
    def profile(frame: FrameType, event: str, arg: Any) -> None: ...

    sys.setprofile(profile)
    try:
        assert told_of(in_a_helper) == []
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


def test_nothing_of_it_stays_behind_whatever_the_code_does():
    def main(context: Any) -> Any:
        raise KeyboardInterrupt

    play(main, guard=Told().guard())
    assert sys.getprofile() is None
