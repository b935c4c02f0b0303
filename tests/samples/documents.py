"""The code blocks of a document, so that tests can run what readers see."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["REPOSITORY", "Block", "blocks"]

REPOSITORY = Path(__file__).resolve().parents[2]
_HEADING_OR_BLOCK = re.compile(r"^##+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    kind: str
    text: str
    section: str
    """The heading above it; empty before the first one."""


def blocks(document: str) -> list[Block]:
    """Those of ``document``, a path in the repository, in their order."""
    section, found = "", list[Block]()
    for heading, kind, text in _HEADING_OR_BLOCK.findall((REPOSITORY / document).read_text()):
        if heading:
            section = heading
        else:
            found.append(Block(kind, text, section))
    return found
