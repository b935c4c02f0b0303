"""Closing a suspended generator between episodes: its ``finally`` blocks run, and nothing they call counts."""

import gc
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from durable.driver import Activities, play, result_of, settle, terminated
from durable.world import Mode
from funchost.durable.status import RuntimeStatus

ACTIVITIES: Activities = {"echo": lambda value: value}


def test_finally_blocks_run_in_every_episode():
    closed: list[int] = []

    def main(context: Any) -> Any:
        try:
            yield context.call_activity("echo", 1)
            yield context.call_activity("echo", 2)
        finally:
            closed.append(1)

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert len(closed) == 3


def test_generator_exit_is_raised_at_the_yield():
    seen: list[str] = []

    def main(context: Any) -> Any:
        try:
            yield context.call_activity("echo", 1)
        except GeneratorExit:
            seen.append("exit")
            raise
        return "done"

    assert result_of(main, activities=ACTIVITIES, modes=[Mode.REPLAYED]) == "done"
    assert seen == ["exit"]


def test_nothing_that_a_finally_block_calls_while_closing_has_an_effect():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
        done = False
        try:
            yield context.task_all([timer, context.call_activity("echo", 1)])
            done = True
        finally:
            if not done:
                timer.cancel()
                context.set_custom_status("closing")
                context.call_activity("echo", "never")
                context.continue_as_new("never")
        return [timer.is_cancelled, context.custom_status, context.will_continue_as_new]

    played = play(main, activities=ACTIVITIES)
    assert played.output == [False, None, False]
    assert played.custom_status is None
    assert played.world.activities_run == ["echo"]


def test_what_a_finally_block_sets_while_its_instance_is_terminated_is_not_shown():
    def main(context: Any) -> Any:
        try:
            yield context.wait_for_external_event("never")
        finally:
            context.set_custom_status("closing")

    played = play(main, settle, terminated())
    assert (played.status, played.custom_status) == (RuntimeStatus.TERMINATED, None)


def test_a_context_manager_that_calls_the_context_on_its_way_out_is_harmless():
    @contextmanager
    def announced(context: Any) -> Any:
        context.set_custom_status("in")
        try:
            yield
        finally:
            context.set_custom_status("out")

    def main(context: Any) -> Any:
        with announced(context):
            yield context.wait_for_external_event("go")

    assert play(main).custom_status == "in"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_generator_that_ignores_its_exit_is_nobody_s_failure():
    def main(context: Any) -> Any:
        while True:
            try:
                return (yield context.call_activity("echo", "fine"))
            except GeneratorExit:
                context.set_custom_status("stubborn")

    played = play(main, activities=ACTIVITIES)
    gc.collect()
    assert (played.output, played.custom_status) == ("fine", None)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_raised_while_closing_is_nobody_s_failure(error: type[BaseException]):
    def main(context: Any) -> Any:
        try:
            return (yield context.call_activity("echo", "fine"))
        except GeneratorExit:
            raise error("on the way out") from None

    assert result_of(main, activities=ACTIVITIES) == "fine"


def test_a_finally_block_that_yields_while_it_ends_normally_is_ordinary_code():
    def main(context: Any) -> Any:
        try:
            yield context.call_activity("echo", 1)
            raise ValueError("boom")
        finally:
            yield context.call_activity("echo", "clean up")

    played = play(main, activities=ACTIVITIES)
    assert "TaskScheduled 1 echo" in played.words
    assert played.output == "Orchestrator function 'main' failed: boom"
