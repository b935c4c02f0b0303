import errno
from pathlib import Path

import pytest

from funchost import datafolder
from funchost.errors import ConfigError


def test_the_folder_keeps_itself_out_of_version_control(tmp_path: Path):
    datafolder.prepare(tmp_path / ".funchost")
    assert (tmp_path / ".funchost" / ".gitignore").read_text() == "*\n"


def test_a_file_in_its_place_is_told_with_the_remedy(tmp_path: Path):
    (tmp_path / ".funchost").write_text("")
    with pytest.raises(ConfigError, match=r"a file is in the way; .* --data-dir"):
        datafolder.prepare(tmp_path / ".funchost")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
def test_each_way_a_folder_can_be_unusable_has_its_sentence(tmp_path: Path, number: int, reason: str):
    assert reason in str(datafolder.unusable(tmp_path, OSError(number, "no")))


def test_the_hash_seed_of_a_hub_is_drawn_once(tmp_path: Path):
    first = datafolder.hash_seed(tmp_path, "MyHub")
    assert 0 < first < 2**32
    assert datafolder.hash_seed(tmp_path, "myhub") == first
    assert [path.name for path in (tmp_path / "hubs").iterdir()] == ["myhub.seed"]


def test_a_seed_that_is_no_number_is_refused_by_name(tmp_path: Path):
    datafolder.hash_seed(tmp_path, "hub")
    (tmp_path / "hubs" / "hub.seed").write_text("soup")
    with pytest.raises(ConfigError, match=r"hub\.seed does not hold a number"):
        datafolder.hash_seed(tmp_path, "hub")


def test_a_second_host_learns_of_the_first(tmp_path: Path):
    first, second = datafolder.HostLock(tmp_path, port=7071), datafolder.HostLock(tmp_path, port=7072)
    assert first.take() is None
    told = second.take()
    assert told is not None
    assert told.endswith("port 7071")
    first.release()
    second.release()
    third = datafolder.HostLock(tmp_path, port=7073)
    assert third.take() is None
    third.release()
