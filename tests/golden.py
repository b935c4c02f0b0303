"""Recordings of the reference engine, where they are at hand: they are no part of this repository.

They stand beside it, in ``../shared/golden``, or where FUNCHOST_GOLDEN says.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["recording"]

_REPOSITORY = Path(__file__).resolve().parents[1]


def recording(scenario: str) -> dict[str, Any]:
    """The contents of one file; skips the test that asks for it when there is none."""
    folder = Path(os.environ.get("FUNCHOST_GOLDEN") or _REPOSITORY.parent / "shared" / "golden")
    path = folder / f"{scenario}.json"
    if not path.is_file():
        pytest.skip(f"there is no recording {path}; FUNCHOST_GOLDEN names the folder of the recordings")
    return json.loads(path.read_text(encoding="utf-8"))
