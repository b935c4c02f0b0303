import queue
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from funchost.supervisor.watching import Watched, Watcher


@contextmanager
def watching(watched: Watched) -> Generator[Callable[[], list[str]]]:
    """Yields a function that waits for the next changes."""
    told: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    watcher = Watcher(watched, told.put)
    watcher.start()
    try:
        yield lambda: told.get(timeout=20)
    finally:
        watcher.stop()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    (tmp_path / "function_app.py").write_text("one")
    (tmp_path / "shared").mkdir()
    return Watched(tmp_path, tmp_path / "state")


def test_code_and_settings_matter_and_other_files_do_not(watched: Watched):
    for name in ("function_app.py", "shared/tools.py", "host.json", "Hello/function.json", "local.settings.json"):
        assert watched.cares_for(name)
    for name in ("notes.txt", "data.json", "shared/readme.md"):
        assert not watched.cares_for(name)


def test_files_and_folders_that_host_json_adds_matter_too(tmp_path: Path):
    watched = Watched(tmp_path, tmp_path / "state", frozenset({"flags.toml"}), frozenset({"prompts"}))
    assert watched.cares_for("deep/below/flags.toml")
    assert watched.cares_for("prompts/system.txt")
    assert not watched.cares_for("other/prompts/system.txt")


def test_dependencies_and_state_are_not_looked_into(watched: Watched):
    for folder in (".venv", "node_modules", "__pycache__", "state", "shared/.git", "env"):
        (watched.root / folder).mkdir()
        (watched.root / folder / "module.py").write_text("")
    (watched.root / "env" / "pyvenv.cfg").write_text("")
    assert watched.look().files.keys() == {"function_app.py"}


def test_a_changed_file_is_told_by_its_name(watched: Watched):
    with watching(watched) as changes:
        (watched.root / "function_app.py").write_text("two words")
        assert changes() == ["function_app.py"]


def test_files_that_are_added_and_removed_are_told(watched: Watched):
    with watching(watched) as changes:
        (watched.root / "shared" / "tools.py").write_text("")
        assert changes() == ["shared/tools.py"]
        (watched.root / "shared" / "tools.py").unlink()
        assert changes() == ["shared/tools.py"]


def test_a_file_in_a_new_folder_is_told_and_so_are_its_later_changes(watched: Watched):
    with watching(watched) as changes:
        (watched.root / "Hello").mkdir()
        (watched.root / "Hello" / "function.json").write_text("{}")
        assert changes() == ["Hello/function.json"]
        (watched.root / "Hello" / "function.json").write_text('{"bindings": []}')
        assert changes() == ["Hello/function.json"]


def test_writing_the_same_state_of_other_files_tells_nothing(watched: Watched):
    with watching(watched) as changes:
        (watched.root / "log.txt").write_text("chatter")
        (watched.root / "function_app.py").write_text("at last")
        assert changes() == ["function_app.py"]
