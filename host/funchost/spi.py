"""What a binding package implements: how it finds itself, checks a function, and moves values.

A package names module-level objects under the entry point group ``funchost.bindings``, each a
:class:`Binding`. The host finds them there and imports no binding by name. The host calls ``validate`` for
each of a function's bindings when it loads, then asks once for what reads or writes them; per invocation
only those are called. Triggers that wait for something outside also ``listen``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any, Protocol

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.clock import Clock, SystemClock
from funchost.errors import ConfigError
from funchost.invocation.invocation import Invocation
from funchost.invocation.invoker import Invoker
from funchost.invocation.limits import time_limit
from funchost.invocation.log import InvocationLog, Lines
from funchost.invocation.parameters import read_parameters
from funchost.invocation.values import AsyncInput, Input, Output
from funchost.threads import ThreadPool

__all__ = ["Binding", "Bindings", "DurableClients", "HostServices", "Listener", "discover_bindings", "prepare"]

GROUP = "funchost.bindings"

Listener = AbstractAsyncContextManager[None]
"""A trigger at work: entered when the host serves, left when it drains; no call begins after that."""


def _no_address() -> str:
    raise RuntimeError("the host does not listen yet")


class DurableClients(Protocol):
    """Where functions get their clients of the task hub from. Only ``start`` is for the loop alone."""

    @property
    def hub_name(self) -> str: ...

    def binding_text(self, connection_name: str | None = None) -> str:
        """The JSON text that functions take which make their own client; known once the host listens."""
        ...

    def client(self, invocation_id: str, connection_name: str | None = None) -> Any:
        """A client object of the app's SDK, for one invocation."""
        ...

    def check_starts(self, value: Any) -> Any:
        """Starts in the form that :meth:`start` takes, from what a function returned or set."""
        ...

    async def start(self, requests: Any) -> None:
        """Start orchestrations, one after the other."""
        ...


@dataclass(frozen=True, slots=True)
class HostServices:
    """What bindings may use of the host they run in.

    ``settings`` are the app's settings (the environment, with local.settings.json under it).
    ``base_url`` is where the host answers, ``http://localhost:7071``, known once it listens.
    ``clients`` is None in a host without a task hub.
    """

    threads: ThreadPool
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    clock: Clock = field(default_factory=SystemClock)
    clients: DurableClients | None = None
    base_url: Callable[[], str] = _no_address
    lines: Lines = "one"
    function_timeout: timedelta | None = None


class Binding(Protocol):
    """One family of binding types. Its methods are called on the loop's thread, at load."""

    @property
    def kinds(self) -> frozenset[str]:
        """The binding types it serves, in lower case: ``{"httptrigger", "http"}``."""
        ...

    def validate(self, function: FunctionSpec, binding: BindingSpec) -> None:
        """Raise ConfigError for a binding that cannot work; its text becomes the function's problem."""
        ...

    def input(
        self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices
    ) -> Input | AsyncInput:
        """How an ``in`` binding that is not the trigger is read. ``annotation`` is None when there is none."""
        ...

    def output(self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices) -> Output:
        """How an ``out`` binding encodes and writes; it is not asked to write when the function failed."""
        ...

    def listen(self, function: FunctionSpec, invoker: Invoker, services: HostServices) -> Listener | None:
        """Call ``invoker`` whenever the trigger fires; None when something else drives it (a request)."""
        ...


class Bindings:
    """The installed bindings by type."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self._by_kind = {kind: binding for binding in bindings for kind in binding.kinds}

    @property
    def kinds(self) -> frozenset[str]:
        """Every binding type that can be used, in lower case."""
        return frozenset(self._by_kind)

    def find(self, binding: BindingSpec) -> Binding | None:
        return self._by_kind.get(binding.kind)

    def validate(self, function: FunctionSpec) -> None:
        """Raise ConfigError for the first of ``function``'s bindings that cannot work.

        An output of an unknown type is let pass: it fails when a value is set.
        """
        for binding in function.bindings:
            found = self.find(binding)
            if found is not None:
                found.validate(function, binding)
            elif binding.direction is not Direction.OUT:
                what = "trigger" if binding is function.trigger else "input binding"
                raise ConfigError(
                    f"{function.name}: {what} {binding.name!r} has type {binding.type}, which is not supported"
                )


def discover_bindings() -> Bindings:
    """All bindings that installed packages offer. Raises ConfigError naming the one that does not load."""
    found: list[Binding] = []
    for entry in entry_points(group=GROUP):
        try:
            found.append(entry.load())
        except Exception as exc:
            raise ConfigError(f"binding {entry.name!r} ({entry.value}) cannot be loaded: {exc}") from exc
    return Bindings(found)


def prepare(function: FunctionSpec, bindings: Bindings, services: HostServices) -> Invoker:
    """The invoker of one function. Raises ConfigError, whose text is the function's problem."""
    parameters = read_parameters(function)
    bindings.validate(function)
    log = InvocationLog(function, services.lines)
    annotations = parameters.annotations
    limit = services.function_timeout
    return Invoker(
        function,
        services.threads,
        parameters=parameters,
        inputs=[
            _binding(bindings, one).input(function, one, annotations.get(one.name), services)
            for one in function.inputs()
        ],
        outputs=_outputs(function, bindings, annotations, services),
        log=log,
        clock=services.clock,
        middleware=() if limit is None else (time_limit(function, limit, log),),
    )


def _outputs(
    function: FunctionSpec, bindings: Bindings, annotations: Mapping[str, Any], services: HostServices
) -> Sequence[Output]:
    outputs: list[Output] = []
    for one in function.outputs():
        annotation = annotations.get("return" if one.name == "$return" else one.name)
        found = bindings.find(one)
        if found is None:
            outputs.append(_unsupported(one))
        else:
            outputs.append(found.output(function, one, annotation, services))
    return outputs


def _binding(bindings: Bindings, binding: BindingSpec) -> Binding:
    found = bindings.find(binding)
    if found is None:
        raise ConfigError(f"binding {binding.name!r} has type {binding.type}, which is not supported")
    return found


def _unsupported(binding: BindingSpec) -> Output:
    def refuse(value: Any) -> Any:
        raise TypeError(f"output {binding.name!r} has type {binding.type}, which is not supported: nothing can be set")

    async def write(invocation: Invocation, value: Any) -> None:
        raise AssertionError("nothing is encoded, so nothing is written")

    return Output(binding.name, refuse, write)
