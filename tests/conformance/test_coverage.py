"""Each test of the SDK, and each known trap, has a test here that shows the same behaviour, or a reason to have none.

What a named test really shows is for its reader to judge. Seen to here: that nothing is missing, and that no test
which something counts on is renamed or removed without a word.
"""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent.parent
SDK_TESTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "sdk_tests.toml").read_text())
TRAPS: dict[str, list[dict[str, Any]]] = tomllib.loads((Path(__file__).parent / "traps.toml").read_text())

ROWS = {
    "models/test_DecoratorMetadata.py": 8,
    "models/test_Decorators.py": 6,
    "models/test_DurableOrchestrationBindings.py": 10,
    "models/test_DurableOrchestrationClient.py": 55,
    "models/test_DurableOrchestrationContext.py": 14,
    "models/test_DurableOrchestrationStatus.py": 2,
    "models/test_OrchestrationState.py": 2,
    "models/test_RpcManagementOptions.py": 9,
    "models/test_TokenSource.py": 1,
    "openai_agents/test_context.py": 18,
    "openai_agents/test_task_tracker.py": 12,
    "openai_agents/test_usage_telemetry.py": 4,
    "orchestrator/openai_agents/test_openai_agents.py": 11,
    "orchestrator/test_call_http.py": 7,
    "orchestrator/test_continue_as_new.py": 2,
    "orchestrator/test_create_timer.py": 3,
    "orchestrator/test_entity.py": 12,
    "orchestrator/test_expected_type.py": 5,
    "orchestrator/test_external_event.py": 4,
    "orchestrator/test_fan_out_fan_in.py": 5,
    "orchestrator/test_is_replaying_flag.py": 4,
    "orchestrator/test_is_replaying_without_is_played.py": 3,
    "orchestrator/test_retries.py": 4,
    "orchestrator/test_sequential_orchestrator.py": 23,
    "orchestrator/test_sequential_orchestrator_custom_status.py": 4,
    "orchestrator/test_sequential_orchestrator_with_retry.py": 14,
    "orchestrator/test_serialization.py": 1,
    "orchestrator/test_sub_orchestrator.py": 2,
    "orchestrator/test_sub_orchestrator_with_retry.py": 3,
    "orchestrator/test_task_any.py": 4,
    "tasks/test_long_timers.py": 2,
    "tasks/test_new_uuid.py": 1,
    "test_constants.py": 2,
    "test_init.py": 6,
    "utils/test_df_serialization.py": 12,
    "utils/test_entity_utils.py": 2,
    "utils/test_http_utils.py": 8,
    "utils/test_type_discovery.py": 6,
}
"""How many tests each file of the SDK has; 291 in all."""


@cache
def names_in(file: str) -> frozenset[str]:
    """The test functions of a module below ``tests``; none if there is no such module."""
    path = TESTS / file
    if not path.is_file():
        return frozenset()
    definitions = ast.parse(path.read_text(encoding="utf-8")).body
    functions = [one.name for one in definitions if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(name for name in functions if name.startswith("test_"))


def missing(tests: list[str]) -> list[str]:
    return [test for test in tests if test.partition("::")[2] not in names_in(test.partition("::")[0])]


def rows_of(file: str) -> dict[str, str | list[str]]:
    return SDK_TESTS["tests"][file]


def test_no_file_and_no_test_of_the_sdk_is_left_out():
    # A name that stands twice in its file is no TOML.
    assert {file: len(rows) for file, rows in SDK_TESTS["tests"].items()} == ROWS
    assert sum(ROWS.values()) == 291


@pytest.mark.parametrize("file", ROWS)
def test_every_test_of_the_sdk_has_tests_here_that_exist_or_a_reason(file: str):
    for name, row in rows_of(file).items():
        if isinstance(row, str):
            assert row in SDK_TESTS["reasons"], name
        else:
            assert row, name
            assert missing(row) == [], name


def test_no_reason_is_there_for_nothing():
    given = {row for rows in SDK_TESTS["tests"].values() for row in rows.values() if isinstance(row, str)}
    assert given == set(SDK_TESTS["reasons"])


def test_no_trap_is_left_out():
    assert {kind: len({row["trap"] for row in rows}) for kind, rows in TRAPS.items()} == {"sdk": 28, "http": 30}


@pytest.mark.parametrize("row", [row for rows in TRAPS.values() for row in rows], ids=lambda row: row["trap"])
def test_every_trap_has_tests_that_exist_or_a_reason(row: dict[str, Any]):
    assert ("tests" in row) != ("reason" in row)
    if "reason" in row:
        assert row["reason"].endswith(".")
    else:
        assert row["tests"]
        assert missing(row["tests"]) == []


def test_a_test_that_does_not_exist_is_found_out():
    here = "conformance/test_coverage.py"
    assert missing([f"{here}::test_no_trap_is_left_out"]) == []
    gone = [f"{here}::test_that_is_gone", "conformance/test_gone.py::test_no_trap_is_left_out", f"{here}::missing"]
    assert missing(gone) == gone
