"""Finding the folder of the app."""

from pathlib import Path

import pytest

from funchost.errors import ConfigError
from funchost.settings import find_root


@pytest.mark.parametrize("mark", ["host.json", "local.settings.json", "function_app.py"])
def test_the_nearest_folder_upwards_with_a_mark_is_the_root(tmp_path: Path, mark: str):
    (tmp_path / mark).write_text("{}")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_root(below) == tmp_path
    (tmp_path / "a" / mark).write_text("{}")
    assert find_root(below) == tmp_path / "a"


def test_without_any_mark_the_message_says_what_was_looked_for(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no host\.json and no function_app\.py here or above"):
        find_root(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such folder"):
        find_root(tmp_path / "missing")


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path):
    (tmp_path / "host.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not a folder"):
        find_root(tmp_path / "host.json")
