"""Which version is newer, and which instances a host takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.driver import play
from funchost.durable.events import ExecutionCompleted
from funchost.durable.execution import EngineSettings, Execution
from funchost.durable.functions import DurableFunctions, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.durable.versions import VersionMatch, compare_versions, version_problem
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

KID = InstanceId("kid")

NUMERIC = st.lists(st.integers(0, 30).map(str), min_size=2, max_size=4).map(".".join)
TEXTS = st.text("abAB1.-", max_size=5).filter(lambda text: not text.replace(".", "").isdigit())
NUMBERS_ONLY = st.lists(NUMERIC, min_size=3, max_size=3)
TEXTS_ONLY = st.lists(TEXTS, min_size=3, max_size=3)


@given(NUMERIC | TEXTS | st.just(""), NUMERIC | TEXTS | st.just(""))
def test_of_two_versions_one_is_newer_or_they_are_the_same(one: str, other: str):
    assert compare_versions(one, other) == -compare_versions(other, one)
    assert compare_versions(one, one) == 0


@given(NUMBERS_ONLY | TEXTS_ONLY)
def test_versions_of_one_kind_have_a_total_order(versions: list[str]):
    first, second, third = versions
    if compare_versions(first, second) <= 0 and compare_versions(second, third) <= 0:
        assert compare_versions(first, third) <= 0


@pytest.mark.parametrize(
    ("older", "newer"),
    [("", "0.0"), (" ", "a"), ("1.9", "1.10"), ("1.0", "1.0.0"), ("2", "10.x"), ("beta", "RC"), ("1.0-a", "1.0-B")],
)
def test_which_one_is_newer(older: str, newer: str):
    # "2" is no version number of the reference host: it is compared as text.
    expected = 1 if older == "2" else -1
    assert compare_versions(older, newer) == expected


def test_case_and_blanks_make_no_difference():
    assert compare_versions("1.0-RC ", "1.0-rc") == 0
    assert compare_versions("", "  ") == 0


@pytest.mark.parametrize(
    ("instance", "host", "match", "taken"),
    [
        ("2.0", "1.0", VersionMatch.NONE, True),
        ("1.0", "1.0", VersionMatch.STRICT, True),
        ("0.9", "1.0", VersionMatch.STRICT, False),
        ("", "1.0", VersionMatch.STRICT, False),
        ("1.0", "", VersionMatch.STRICT, False),
        ("0.9", "1.0", VersionMatch.CURRENT_OR_OLDER, True),
        ("", "1.0", VersionMatch.CURRENT_OR_OLDER, True),
        ("1.1", "1.0", VersionMatch.CURRENT_OR_OLDER, False),
        ("9.9", "", VersionMatch.CURRENT_OR_OLDER, True),
    ],
)
def test_which_instances_a_host_takes(instance: str, host: str, match: VersionMatch, taken: bool):
    assert (version_problem(instance, host, match) is None) is taken


def test_an_instance_of_another_version_fails_where_that_is_wished():
    def main(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("child", None, "kid", version="3.0"))

    def child(context: Any) -> Any:
        yield context.wait_for_external_event("never")

    settings = EngineSettings(default_version="2.0", fail_other_versions=True)
    played = play(main, children={"child": child}, settings=settings)
    end = next(e for e in played.world.instances[KID].live.past if isinstance(e, ExecutionCompleted))
    assert end.failure is not None
    assert end.failure.error_type == "VersionMismatch"
    assert end.result is not None
    assert end.result.startswith("Orchestration version did not comply with Worker Versioning")
    assert (played.status, "version '3.0', this host '2.0'" in played.output) == (RuntimeStatus.FAILED, True)


def test_an_instance_that_has_a_history_fails_for_its_version_and_for_nothing_else():
    def main(context: Any) -> Any:
        yield context.call_activity("do", 1)
        yield context.wait_for_external_event("go")

    past = play(main, activities={"do": str}).history
    settings = EngineSettings(default_version="1.0", version_match=VersionMatch.STRICT, fail_other_versions=True)
    functions = DurableFunctions([Orchestrator("main", main)], ["do"])
    step = Execution(ExecutionId("1"), functions, settings).replay(past, [], past[-1].timestamp)
    assert step.ending is not None
    assert (step.ending.output or "").startswith("Orchestration version did not comply")


def test_an_orchestrator_that_is_gone_is_named_also_by_an_instance_that_has_a_history():
    def main(context: Any) -> Any:
        yield context.call_activity("do", 1)
        yield context.wait_for_external_event("go")

    past = play(main, activities={"do": str}).history
    step = Execution(ExecutionId("1"), DurableFunctions([], ["do"]), EngineSettings()).replay(past, [], Instant(0))
    assert step.ending is not None
    assert "The function 'main' doesn't exist" in (step.ending.output or "")
