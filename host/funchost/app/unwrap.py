"""The author's own function out of the wrappers that the durable SDK puts around it.

A wrapper is recognised by its code object, which nothing copies: ``functools.wraps`` copies attributes,
so a decorator of the author around an SDK wrapper looks like one but must not be skipped. Such a function
stays as it is; :mod:`funchost.app.passing` lets the host's context through the SDK's wrapper inside it.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

__all__ = ["author_place", "builder_function", "is_async", "unwrap_clients", "unwrap_entity", "unwrap_orchestrator"]

_SDK = "azure.durable_functions"
_MIDDLEWARE = "df_client_middleware"


def unwrap_orchestrator(call: Callable[..., Any]) -> tuple[Callable[..., Any], type | None]:
    """The raw orchestrator, and the type that its trigger declared for the input."""
    input_type: type | None = getattr(call, "_df_input_type", None)
    return _unwrap_handle(builder_function(call), "Orchestrator"), input_type


def unwrap_entity(call: Callable[..., Any]) -> Callable[..., Any]:
    return _unwrap_handle(builder_function(call), "Entity")


def unwrap_clients(call: Callable[..., Any], parameters: frozenset[str]) -> tuple[Callable[..., Any], frozenset[str]]:
    """The function inside the SDK's client middlewares, and the parameters that they would have filled.

    ``parameters`` are the names with a durable client binding: a middleware for any other name stays.
    """
    call, found = builder_function(call), set[str]()
    while isinstance(call, FunctionType) and call.__code__.co_name == _MIDDLEWARE and _is_of_sdk(call):
        cells = _cells(call)
        name, inner = cells.get("parameter_name"), cells.get("user_code")
        if name not in parameters or inner is None:
            break
        found.add(str(name))
        call = inner
    return call, frozenset(found)


def builder_function(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind the object that a decorator of the SDK returns; anything else as it is."""
    function = getattr(call, "_function", None)
    inner = getattr(function, "_func", None)
    return inner if callable(inner) else call


def is_async(call: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine, as far as can be told without calling."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)


def _unwrap_handle(call: Callable[..., Any], owner: str) -> Callable[..., Any]:
    if inspect.ismethod(call):
        holder = call.__self__
        if type(holder).__name__ == owner and type(holder).__module__.startswith(_SDK):
            return getattr(holder, "fn", call)
        return call
    if isinstance(call, FunctionType) and call.__code__.co_qualname.startswith(f"{owner}.create.") and _is_of_sdk(call):
        return _cells(call).get("fn", call)
    return call


def _is_of_sdk(call: FunctionType) -> bool:
    return str(call.__globals__.get("__name__", "")).startswith(_SDK)


def _cells(call: FunctionType) -> dict[str, Any]:
    return dict(zip(call.__code__.co_freevars, (cell.cell_contents for cell in call.__closure__ or ()), strict=True))


def author_place(call: Callable[..., Any], root: Path) -> tuple[Path, int] | None:
    """The file and line where the author's function begins; None when it is no function of the app in ``root``."""
    for candidate in (unwrap_orchestrator(call)[0], unwrap_entity(call), inspect.unwrap(call)):
        code = getattr(candidate, "__code__", None)
        if code is None:
            continue
        file = Path(code.co_filename)
        # The app's environment may be in its folder, and in it the SDK's own functions.
        if file.is_relative_to(root) and "site-packages" not in file.parts:
            return file, code.co_firstlineno
    return None
