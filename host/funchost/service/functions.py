"""The functions of an app, prepared to be called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from funchost.app import FunctionApp, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.invoker import Invoker
from funchost.spi import Bindings, HostServices, Listener, prepare

__all__ = ["PreparedApp", "listeners", "prepare_functions", "uses_durable", "with_problems"]

_DURABLE = frozenset(
    {"orchestrationtrigger", "activitytrigger", "entitytrigger", "durableclient", "orchestrationclient"}
)


@dataclass(frozen=True, slots=True)
class PreparedApp:
    """``app`` with the problems that preparing it brought up; ``invokers`` by name, of functions that run."""

    app: FunctionApp
    invokers: Mapping[str, Invoker]


def prepare_functions(app: FunctionApp, bindings: Bindings, services: HostServices) -> PreparedApp:
    """A function that cannot be prepared gets a problem, and the others run."""
    invokers: dict[str, Invoker] = {}
    refused: list[FunctionSpec] = []
    for function in app.functions:
        if not function.runs:
            continue
        try:
            invokers[function.name] = prepare(function, bindings, services)
        except ConfigError as problem:
            refused.append(replace(function, problem=str(problem)))
    return PreparedApp(with_problems(app, refused), invokers)


def with_problems(app: FunctionApp, refused: Sequence[FunctionSpec]) -> FunctionApp:
    """``app`` with the functions of those names replaced."""
    by_name = {function.name: function for function in refused}
    return replace(app, functions=tuple(by_name.get(function.name, function) for function in app.functions))


def listeners(prepared: PreparedApp, bindings: Bindings, services: HostServices) -> list[Listener]:
    """The triggers that wait for something themselves, ready to be entered."""
    found: list[Listener] = []
    for function in prepared.app.functions:
        binding = bindings.find(function.trigger)
        if binding is not None and function.name in prepared.invokers:
            listener = binding.listen(function, prepared.invokers[function.name], services)
            found += [] if listener is None else [listener]
    return found


def uses_durable(app: FunctionApp) -> bool:
    """Whether any function, running or not, has to do with a task hub."""
    return any(binding.kind in _DURABLE for function in app.functions for binding in function.bindings)
