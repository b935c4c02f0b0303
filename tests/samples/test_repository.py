"""What the documents say is what the code does."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from funchost.settings.durable_options import DURABLE_OPTIONS
from funchost.settings.options import FUNCHOST_OPTIONS, HOST_OPTIONS, HTTP_OPTIONS, Option
from samples.host_process import SAMPLES

REPOSITORY = SAMPLES.parent
APPS = sorted(path.parent for path in SAMPLES.glob("*/host.json"))


@pytest.mark.parametrize("options", [HOST_OPTIONS, HTTP_OPTIONS, DURABLE_OPTIONS, FUNCHOST_OPTIONS])
def test_every_option_that_has_an_effect_is_documented(options: Sequence[Option]) -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()
    missing = [option.name for option in options if option.effective and f"| `{option.name}` |" not in text]
    assert missing == []


def test_no_option_without_effect_is_documented() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()
    known = [*HOST_OPTIONS, *HTTP_OPTIONS, *DURABLE_OPTIONS, *FUNCHOST_OPTIONS]
    assert [option.name for option in known if not option.effective and f"| `{option.name}` |" in text] == []


def test_the_lowest_constraints_are_the_lower_bounds() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    constraints = (REPOSITORY / "tests" / "constraints-lowest.txt").read_text()
    assert versions("==", constraints) == versions(">=", "\n".join(project["dependencies"]))


def versions(operator: str, lines: str) -> dict[str, str]:
    """Name to version, without the zeros at its end, of each line that begins ``name<operator>version``."""
    found = re.findall(rf"^([\w-]+){operator}([\w.]+)", lines, re.MULTILINE)
    return {str(name): re.sub(r"(\.0)+$", "", version) for name, version in found}


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_a_sample_is_a_complete_app(app: Path) -> None:
    assert json.loads((app / "host.json").read_text())["version"] == "2.0"
    assert json.loads((app / "local.settings.json").read_text())["IsEncrypted"] is False
    assert "azure-functions-durable" in (app / "requirements.txt").read_text()
    assert (app / "README.md").read_text().startswith(f"# {app.name}\n")
