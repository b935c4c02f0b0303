"""No listing and no statement of a commit reads a whole table."""

import re
import sqlite3
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant
from funchost.taskhub import PageToken, Query
from funchost.taskhub.sqlite import advance, executions, gather, starts, transaction
from funchost.taskhub.sqlite.file import connect, prepare
from funchost.taskhub.sqlite.listing import page_sql

TABLES = "instance|execution|history|activity|message|tag|i|e|a|m|h|t|o"
SCAN = re.compile(rf"SCAN ({TABLES})\b")
SOME = frozenset({RuntimeStatus.RUNNING, RuntimeStatus.FAILED})


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    prepare(path := tmp_path / "a.db")
    opened = connect(path, role="writer", durability="relaxed")
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, sql: str, parameters: Sequence[str | int] = ()) -> str:
    parameters = parameters or ["[]"] * len(set(re.findall(r"\?\d", sql)) or re.findall(r"\?", sql))
    return "\n".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters))


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(name="Flow"),
        Query(name="Flow", statuses=SOME),
        Query(statuses=SOME),
        Query(id_prefix="a"),
        Query(id_prefix="a", statuses=SOME),
        Query(tags={"team": "red"}),
        Query(tags={"team": "red", "city": "x"}, name="Flow", statuses=SOME),
        Query(created_from=Instant(1)),
        Query(created_from=Instant(1), created_to=Instant(2), top=None),
        Query(entities=True),
        Query(entities=False, payloads=False),
    ],
)
@pytest.mark.parametrize("page", [None, PageToken("a")])
def test_no_listing_scans_a_table(connection: sqlite3.Connection, query: Query, page: PageToken | None) -> None:
    steps = plan(connection, *page_sql(query, page))
    assert not SCAN.search(steps.replace("SCAN t VIRTUAL", "")), steps
    assert "SEARCH" in steps


def statements() -> Generator[ParameterSet]:
    for module in (advance, executions, starts, transaction):
        for name, value in vars(module).items():
            if isinstance(value, str) and "{" not in value and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", value):
                yield pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}{name}")
    for name in ("_MINE", "_OF_INSTANCES", "_FREE_INSTANCES", "_FREE_ACTIVITIES", "_NEXT_DUE", "_CLAIM_INSTANCES"):
        yield pytest.param(getattr(gather, name), id=f"gather{name}")


@pytest.mark.parametrize("sql", list(statements()))
def test_no_statement_of_a_transaction_scans_a_table(connection: sqlite3.Connection, sql: str) -> None:
    steps = plan(connection, sql).replace("SCAN t VIRTUAL", "")
    # An index that holds only the rows in question is read from end to end.
    partial = re.sub(r"SCAN \w+ USING (COVERING )?INDEX execution_left_behind", "", steps)
    assert not SCAN.search(partial), steps
