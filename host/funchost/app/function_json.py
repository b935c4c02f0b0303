"""Apps of folders with a ``function.json``."""

from pathlib import Path

from funchost.app.declaration import Declaration
from funchost.app.function_file import FunctionFile, broken, declare
from funchost.settings.jsonc import JsonMistake, line_of, parse

__all__ = ["read_function_json"]


def read_function_json(path: Path, root: Path) -> Declaration:
    """The function named after the folder of ``path``; comments and trailing commas are allowed in the file."""
    name = path.parent.name
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = parse(text)
    except JsonMistake as exc:
        return broken(name, path, exc.line, f"not valid JSON at column {exc.column}: {exc}", "function.json")
    except (OSError, UnicodeDecodeError) as exc:
        return broken(name, path, None, f"the file cannot be read: {exc}", "function.json")
    if not isinstance(content, dict):
        return broken(name, path, 1, "the file must hold a JSON object", "function.json")
    file = FunctionFile(name, path, path.parent, "function.json", content, lambda keys: line_of(text, keys))
    return declare(file, root)
