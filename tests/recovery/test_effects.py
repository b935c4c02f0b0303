"""The record of what activities did outlives whoever was writing it."""

import msgspec

from recovery.effects import Effect
from recovery.host import Folder

EFFECT = Effect("one", "run", 0, "add", "1", 2, 3.0)


def test_a_record_that_was_cut_off_by_a_kill_spoils_no_other(folder: Folder) -> None:
    cut = msgspec.json.encode(EFFECT)[:40]
    (folder.path / "effects").write_bytes(cut)
    folder.effects.append(EFFECT)
    assert folder.effects.read() == [EFFECT]
