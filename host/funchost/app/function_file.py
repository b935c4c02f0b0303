"""Functions declared in files, ``function.json`` or ``function.yaml``: the same keys in both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from funchost.app.declaration import Declaration
from funchost.app.modules import import_under_app
from funchost.app.spec import UserFunction
from funchost.app.unwrap import builder_function

__all__ = ["FunctionFile", "broken", "declare"]

Locate = Callable[[Sequence[str | int]], int | None]


@dataclass(frozen=True, slots=True)
class FunctionFile:
    """One function of a file. ``locate`` gives the line of a member by the keys that lead to it.

    ``listed`` tells one of several in a file from a folder's only function.
    """

    name: str
    path: Path
    folder: Path
    model: Literal["function.json", "function.yaml"]
    content: Mapping[str, Any]
    locate: Locate
    listed: bool = False


def declare(file: FunctionFile, root: Path) -> Declaration:
    """Nothing is imported yet; mistakes become the declaration's ``problem``."""
    given = {key.lower(): value for key, value in file.content.items()}
    try:
        script = _script(file, given.get("scriptfile"), root)
        entry_point = _text(given.get("entrypoint"), "entryPoint") or "main"
        bindings = _bindings(given.get("bindings"))
        retry = _retry(given.get("retry"))
    except _Mistake as exc:
        return broken(file.name, file.path, file.locate([exc.key]), str(exc), file.model)
    return Declaration(
        name=file.name,
        place=_place(file.path, file.locate(["bindings"]) or file.locate([])),
        model=file.model,
        directory=file.folder,
        script_file=script,
        entry_point=entry_point,
        bindings=bindings,
        binding_places=[_place(file.path, file.locate(["bindings", index])) for index in range(len(bindings))],
        load=lambda: _entry(script, entry_point, root),
        retry=retry,
        disabled=given.get("disabled", False),
    )


def broken(
    name: str, path: Path, line: int | None, problem: str, model: Literal["function.json", "function.yaml"]
) -> Declaration:
    """A function whose declaration cannot be used."""

    def load() -> UserFunction:
        raise ValueError(problem)

    return Declaration(
        name=name,
        place=_place(path, line),
        model=model,
        directory=path.parent,
        script_file=path,
        entry_point="",
        bindings=(),
        binding_places=(),
        load=load,
        problem=problem,
    )


class _Mistake(ValueError):
    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def _script(file: FunctionFile, given: Any, root: Path) -> Path:
    name = _text(given, "scriptFile")
    if name is None:
        return _default_script(file)
    script = Path(_lexically(file.folder / name))
    if script.suffix != ".py":
        raise _Mistake("scriptFile", f"scriptFile {name!r} is no .py file")
    if not script.is_file():
        raise _Mistake("scriptFile", f"scriptFile {name!r} does not exist in {file.folder}")
    if not script.is_relative_to(root):
        raise _Mistake("scriptFile", f"scriptFile {name!r} is outside the app's folder")
    return script


def _default_script(file: FunctionFile) -> Path:
    """The only other file of the folder, else ``run.py`` or ``__init__.py``."""
    if file.listed:
        raise _Mistake("scriptFile", "it has no scriptFile")
    others = sorted(p for p in file.folder.iterdir() if p.is_file() and p != file.path)
    chosen = others if len(others) == 1 else [p for p in others if p.name in ("run.py", "__init__.py")]
    chosen.sort(key=lambda path: path.name != "run.py")
    if not chosen or chosen[0].suffix != ".py":
        raise _Mistake("scriptFile", f"it has no scriptFile, and {file.folder} has no run.py or __init__.py")
    return chosen[0]


def _bindings(given: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(given, list) or not given:
        raise _Mistake("bindings", "it needs 'bindings', a list with at least a trigger")
    for item in given:
        if not isinstance(item, dict):
            raise _Mistake("bindings", f"each of its bindings must be an object, not {item!r}")
    return given


def _retry(given: Any) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, dict):
        return given
    raise _Mistake("retry", f"retry must be an object, not {given!r}")


def _text(given: Any, key: str) -> str | None:
    if given is None or (isinstance(given, str) and given):
        return given
    raise _Mistake(key, f"{key} must be text, not {given!r}")


def _entry(script: Path, entry_point: str, root: Path) -> UserFunction:
    module = import_under_app(script, root)
    call = getattr(module, entry_point, None)
    if not callable(call):
        raise ValueError(f"{script} has no function {entry_point!r}; define it, or name another in entryPoint")
    return builder_function(call)


def _lexically(path: Path) -> str:
    """``..`` taken out without following links, so that module names stay as the author sees them."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def _place(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)
