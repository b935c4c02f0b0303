"""Agents: the SDK's tracker around code that cannot yield, and looks its answers up in the history.

What else there is of agents in the SDK needs a package of models; the tracker is all that an engine meets of it.
"""

import asyncio
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.durable_functions as df
import pytest

from durable.driver import Activities, failure_of, play, raised, result_of, settle
from durable.world import Mode
from funchost.durable.events import TaskScheduled
from funchost.durable.status import RuntimeStatus

PACKAGE = "azure.durable_functions.openai_agents"
FOLDER = Path(str(df.__file__)).parent / "openai_agents"
RETRY = df.RetryOptions(1000, 3)

Flow = Callable[[Any], Any]
Agent = Callable[[Any, Any], Any]
"""Gets the context and the tracker."""

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="this release of the SDK has no agents")


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Agent], Flow]:
    """Makes of an agent what the SDK's decorator does: a plain function that returns the tracker's generator."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(FOLDER)]  # the package without what its __init__ imports
    monkeypatch.setitem(sys.modules, PACKAGE, package)
    for name in ("exceptions", "task_tracker"):
        monkeypatch.setitem(sys.modules, f"{PACKAGE}.{name}", package)  # what comes here instead goes afterwards
        del sys.modules[f"{PACKAGE}.{name}"]
    tracker_class = importlib.import_module(f"{PACKAGE}.task_tracker").TaskTracker

    def orchestrator(agent: Agent) -> Flow:
        def start(context: Any) -> Any:
            tracker = tracker_class(context)
            return tracker.execute_orchestrator_function(partial(agent, context, tracker))

        return start

    return orchestrator


def echo(value: Any) -> Any:
    return value


def always(value: Any) -> Any:
    raise ValueError(value)


ACTIVITIES: Activities = {"model": lambda question: f"{question}!", "tool": echo, "broken": always}


def asks_three_times(context: Any, tracker: Any) -> Any:
    first = tracker.get_activity_call_result("model", "a")
    second = tracker.get_activity_call_result_with_retry("model", RETRY, first)
    return tracker.get_activity_call_result("tool", f"{first} {second}")


def test_an_agent_runs_from_its_start_up_to_the_first_answer_that_is_not_there(tracked: Callable[[Agent], Flow]):
    runs: list[int] = []

    def agent(context: Any, tracker: Any) -> Any:
        runs.append(1)
        return asks_three_times(context, tracker)

    played = play(tracked(agent), activities=ACTIVITIES)
    assert played.output == "a! a!!"
    assert [event.name for event in played.of(TaskScheduled)] == ["model", "model", "tool"]
    assert len(runs) == 4 * len(Mode), "code that reads the history is never kept"


def test_an_agent_that_asks_nothing_ends_at_once(tracked: Callable[[Agent], Flow]):
    played = play(tracked(lambda context, tracker: "hello"))
    assert (played.output, len(played.hosted.episodes)) == ("hello", 1)


@dataclass
class Model:
    text: str

    def to_json(self) -> str:
        return f'{{"text": "{self.text}"}}'


@pytest.mark.parametrize("value", [Model("x"), {"text": "x"}])
def test_what_is_no_text_is_serialised_by_the_agent(tracked: Callable[[Agent], Flow], value: Any):
    assert result_of(tracked(lambda context, tracker: value)) == '{"text": "x"}'


def test_an_agent_may_run_an_event_loop_of_its_own(tracked: Callable[[Agent], Flow]):
    async def think(tracker: Any) -> Any:
        await asyncio.sleep(0)
        return tracker.get_activity_call_result("model", "q")

    agent = tracked(lambda context, tracker: asyncio.run(think(tracker)))
    assert result_of(agent, activities=ACTIVITIES) == "q!"


def test_an_agent_that_yields_too_gets_answers_in_either_way(tracked: Callable[[Agent], Flow]):
    def agent(context: Any, tracker: Any) -> Any:
        first = tracker.get_activity_call_result("model", "1")
        tracker.record_activity_call()  # as the agent's context does where the code calls an activity
        second = yield context.call_activity("tool", "2")
        event = yield context.wait_for_external_event("go")
        third = tracker.get_activity_call_result("model", "3")
        tracker.record_activity_call()
        fourth = yield context.call_activity("tool", "4")
        return f"{first} {second} {event} {third} {fourth}"

    played = play(tracked(agent), settle, raised("go", "event"), activities=ACTIVITIES)
    assert played.output == "1! 2 event 3! 4"
    assert [event.event_id for event in played.of(TaskScheduled)] == [0, 1, 2, 3]


def test_an_activity_that_fails_for_good_fails_the_agent(tracked: Callable[[Agent], Flow]):
    def agent(context: Any, tracker: Any) -> Any:
        return tracker.get_activity_call_result_with_retry("broken", df.RetryOptions(1000, 2), "no")

    text = failure_of(tracked(agent), activities=ACTIVITIES)
    assert text.startswith("Orchestrator function 'main' failed: Activity function 'broken' failed:  ValueError: no")


def test_an_agent_waits_where_its_answer_takes_time(tracked: Callable[[Agent], Flow]):
    def agent(context: Any, tracker: Any) -> Any:
        yield context.wait_for_external_event("go")
        return tracker.get_activity_call_result("model", "q")

    assert play(tracked(agent), settle, activities=ACTIVITIES).status is RuntimeStatus.RUNNING
    assert result_of(tracked(agent), settle, raised("go"), activities=ACTIVITIES) == "q!"
