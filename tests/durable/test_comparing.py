"""Steps of code that was resumed, beside those of the same code that was replayed."""

from dataclasses import replace

import pytest

from funchost.durable.actions import CallActivity
from funchost.durable.comparing import difference
from funchost.durable.events import TaskScheduled
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Ending, Step
from funchost.instant import Instant

NOW = Instant(0)
STEP = Step(
    None,
    [TaskScheduled(timestamp=NOW, event_id=0, name="one")],
    '"a"',
    True,
    activities=[CallActivity(0, "one", "[1]")],
)


def test_steps_that_ask_for_the_same_do_not_differ():
    assert difference(STEP, replace(STEP, events=list(STEP.events))) is None


def test_a_custom_status_counts_only_where_it_was_set():
    unset = replace(STEP, custom_status_changed=False)
    assert difference(unset, replace(unset, custom_status=None)) is None
    assert difference(STEP, replace(STEP, custom_status='"b"')) == "its custom status"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            replace(STEP, events=[TaskScheduled(timestamp=NOW, event_id=0, name="two")]),
            "TaskScheduled 0 'one' when it was resumed, TaskScheduled 0 'two' when it was replayed",
        ),
        (replace(STEP, events=[]), "TaskScheduled 0 'one' when it was resumed, nothing more when it was replayed"),
        (replace(STEP, activities=[CallActivity(0, "one", "[2]")]), "the inputs of its activities"),
        (replace(STEP, ending=Ending(RuntimeStatus.COMPLETED, "1")), "its ending"),
    ],
)
def test_a_difference_is_told_without_payloads(other: Step, words: str):
    assert difference(STEP, other) == words
