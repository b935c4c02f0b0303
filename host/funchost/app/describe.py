"""From a declaration to a specification: everything is checked here, in the order an author would mend it."""

from typing import Any

from funchost.app.bindings import BindingMistake, normalise_all
from funchost.app.declaration import Declaration
from funchost.app.resolve import resolve_settings
from funchost.app.spec import NO_TRIGGER, BindingSpec, FunctionSpec, RetryPolicySpec, UserFunction
from funchost.app.types import missing_feature
from funchost.app.unwrap import is_async, unwrap_clients, unwrap_entity, unwrap_orchestrator
from funchost.app.validate import check_bindings, check_name, check_signature
from funchost.errors import AppImportError
from funchost.settings import Settings
from funchost.settings.retry import parse_retry

__all__ = ["describe"]

_CLIENTS = frozenset({"durableclient", "orchestrationclient"})


def describe(declared: Declaration, settings: Settings, available: frozenset[str]) -> FunctionSpec:
    """Never fails: what is wrong with the function becomes its ``problem``.

    A function that needs a kind outside ``available`` is not imported.
    """
    bindings: tuple[BindingSpec, ...] = ()
    trigger = NO_TRIGGER
    try:
        if declared.problem is not None:
            raise ValueError(declared.problem)
        check_name(declared.name)
        bindings = normalise_all(declared.bindings, declared.name)
        trigger = next((binding for binding in bindings if binding.is_trigger), NO_TRIGGER)
        check_bindings(bindings)
        if missing := missing_feature(bindings, available):
            return _broken(declared, settings, trigger, bindings, missing)
        bindings = tuple(resolve_settings(binding, settings.setting) for binding in bindings)
        return _complete(declared, settings, check_bindings(bindings), bindings)
    except AppImportError as exc:
        return _broken(
            declared, settings, trigger, bindings, _told(declared, str(exc), declared.place), framed=exc.framed
        )
    except ValueError as exc:
        place = declared.binding_places[exc.index] if isinstance(exc, BindingMistake) else declared.place
        return _broken(declared, settings, trigger, bindings, _told(declared, str(exc), place), mistaken=True)


def _complete(
    declared: Declaration, settings: Settings, trigger: BindingSpec, bindings: tuple[BindingSpec, ...]
) -> FunctionSpec:
    retry = _retry(declared, settings)
    call, clients, input_type = _unwrapped(declared.load(), trigger, bindings)
    if trigger.kind not in ("orchestrationtrigger", "entitytrigger"):
        check_signature(call, bindings)
    spec = FunctionSpec(
        name=declared.name,
        trigger=trigger,
        bindings=bindings,
        call=call,
        is_async=is_async(call),
        directory=declared.directory,
        script_file=declared.script_file,
        entry_point=declared.entry_point,
        model=declared.model,
        retry=retry,
        http_type=declared.http_type,
        disabled=_disabled(declared, settings),
        rich_clients=clients,
        input_type=input_type,
    )
    return spec.also_called(declared.python_name)


def _broken(
    declared: Declaration,
    settings: Settings,
    trigger: BindingSpec,
    bindings: tuple[BindingSpec, ...],
    problem: str,
    *,
    mistaken: bool = False,
    framed: str = "",
) -> FunctionSpec:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(problem)

    return FunctionSpec(
        name=declared.name,
        trigger=trigger,
        bindings=bindings,
        call=refuse,
        is_async=False,
        directory=declared.directory,
        script_file=declared.script_file,
        entry_point=declared.entry_point,
        model=declared.model,
        http_type=declared.http_type,
        disabled=_disabled(declared, settings),
        problem=problem,
        mistaken=mistaken or bool(framed),
        framed=framed,
    )


def _told(declared: Declaration, text: str, place: str) -> str:
    return f"{place}: cannot load the {declared.name} function: {text}"


def _unwrapped(
    call: UserFunction, trigger: BindingSpec, bindings: tuple[BindingSpec, ...]
) -> tuple[UserFunction, frozenset[str], type | None]:
    clients = frozenset(binding.name for binding in bindings if binding.kind in _CLIENTS)
    input_type: type | None = None
    call, rich = unwrap_clients(call, clients)
    if trigger.kind == "orchestrationtrigger":
        call, input_type = unwrap_orchestrator(call)
    elif trigger.kind == "entitytrigger":
        call = unwrap_entity(call)
    return call, rich, input_type


def _retry(declared: Declaration, settings: Settings) -> RetryPolicySpec | None:
    """The function's own policy, or that of host.json."""
    return settings.retry if declared.retry is None else parse_retry(declared.retry)


def _disabled(declared: Declaration, settings: Settings) -> bool:
    """Settings that name the function beat its file, which may itself name a setting."""
    for name in (f"AzureWebJobs.{declared.name}.Disabled", f"AzureWebJobs_{declared.name}_Disabled"):
        if (value := settings.setting(name)) is not None:
            return _is_true(value)
    if isinstance(declared.disabled, str):
        return _is_true(settings.setting(declared.disabled.strip("%")) or "")
    return bool(declared.disabled)


def _is_true(value: str) -> bool:
    return value.strip().lower() in ("1", "true")
