"""Opening a database: ours, another's, a newer one, a damaged one."""

import sqlite3
from pathlib import Path

import pytest

from funchost.clock import SystemClock
from funchost.errors import ConfigError, ForeignDatabase
from funchost.taskhub.sqlite.file import prepare
from funchost.taskhub.sqlite.hub import SqliteTaskHub
from funchost.taskhub.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION


def pragma(path: Path, name: str) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        connection.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_new_file_carries_our_mark_and_version_in_its_own_header(tmp_path: Path) -> None:
    prepare(path := tmp_path / "hubs" / "a.db")
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == VERSION
    assert (pragma(path, "auto_vacuum"), pragma(path, "journal_mode")) == (2, "wal")


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    before = path.read_bytes()
    prepare(path)
    assert path.read_bytes() == before


def refused(path: Path, what: str) -> None:
    before = contents(path.parent)
    with pytest.raises(ForeignDatabase, match=what) as caught:
        SqliteTaskHub.open(path, name="a", data_dir=path.parent, clock=SystemClock())
    assert str(path) in str(caught.value)
    assert contents(path.parent) == before, "it was touched"


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    refused(path, "another program")


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("dear diary")
    refused(path, "not a SQLite database")


def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    refused(path, "newer release")


def test_a_newer_version_that_stands_in_the_log_only_is_refused_untouched(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    # As a killed process leaves them.
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("a.db", "a.db-wal"):
        (killed / name).write_bytes((tmp_path / name).read_bytes())
    connection.close()
    before = contents(killed)
    with pytest.raises(ForeignDatabase, match="newer release"):
        prepare(killed / "a.db")
    assert {name: contents(killed)[name] for name in before} == before


def test_a_truncated_file_is_refused_untouched(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    path.write_bytes(path.read_bytes()[:-4096])
    refused(path, "damaged")


def test_a_file_with_a_destroyed_schema_is_refused(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 3996 + whole[4096:])
    with pytest.raises(ForeignDatabase, match="damaged"):
        prepare(path)


def test_a_file_with_destroyed_tables_is_refused_untouched(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    roots = sqlite3.connect(path).execute("SELECT rootpage FROM sqlite_schema WHERE name = 'worker'")
    start = 4096 * (roots.fetchone()[0] - 1)
    roots.connection.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:start] + b"\xff" * 4096 + whole[start + 4096 :])
    before = path.read_bytes()
    with pytest.raises(ForeignDatabase, match="damaged"):
        prepare(path)
    assert path.read_bytes() == before


def test_an_older_file_is_migrated_with_what_it_holds(tmp_path: Path) -> None:
    older = (("CREATE TABLE note (text TEXT)", "INSERT INTO note VALUES ('kept')"),)
    prepare(path := tmp_path / "a.db", migrations=older)
    prepare(path, migrations=(*older, ("ALTER TABLE note ADD COLUMN stars INTEGER",)))
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT text, stars FROM note").fetchall() == [("kept", None)]
    connection.close()
    assert pragma(path, "user_version") == 2


def test_a_migration_that_fails_leaves_the_older_version(tmp_path: Path) -> None:
    older = (("CREATE TABLE note (text TEXT)",),)
    prepare(path := tmp_path / "a.db", migrations=older)
    with pytest.raises(ConfigError):
        prepare(path, migrations=(*older, ("CREATE TABLE more (x)", "INSERT INTO nowhere VALUES (1)")))
    assert pragma(path, "user_version") == 1
    connection = sqlite3.connect(path)
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")] == ["note"]
    connection.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be opened for writing"):
        prepare(tmp_path / "file" / "a.db")


def test_the_steps_of_released_versions_are_never_empty() -> None:
    assert all(step for step in MIGRATIONS)
