"""HTTP: the trigger is driven by the host's web server, the output is the response."""

from typing import Any

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.invoker import Invoker
from funchost.invocation.values import AsyncInput, Input, Output
from funchost.spi import Binding, HostServices, Listener
from funchost.web.response import response_encoder

__all__ = ["BINDING", "HttpBinding"]

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS", "QUERY", "TRACE", "CONNECT"})
_LEVELS = frozenset({"anonymous", "function", "admin", "system", "user"})


class HttpBinding:
    """``httpTrigger`` and ``http``. A function whose trigger is another may have the output; it is not written."""

    kinds = frozenset({"httptrigger", "http"})

    def validate(self, function: FunctionSpec, binding: BindingSpec) -> None:
        if binding.kind == "http":
            if binding.direction is not Direction.OUT:
                raise ConfigError(f"{function.name}: binding {binding.name!r} of type http must have direction 'out'")
            return
        level = str(binding.get("authLevel", "function")).lower()
        if level not in _LEVELS:
            raise ConfigError(
                f"{function.name}: authLevel {level!r} is not known; use one of {', '.join(sorted(_LEVELS))}"
            )
        methods = {str(method).upper() for method in binding.get("methods", ())}
        if unknown := sorted(methods - _METHODS):
            raise ConfigError(f"{function.name}: unknown HTTP method {', '.join(unknown)} in 'methods'")

    def input(
        self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices
    ) -> Input | AsyncInput:
        raise ConfigError(f"{function.name}: binding {binding.name!r} of type {binding.type} cannot be an input")

    def output(self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices) -> Output:
        if function.trigger.kind == "httptrigger":
            return Output(binding.name, response_encoder(binding))
        return Output(binding.name, _ignore, _drop)

    def listen(self, function: FunctionSpec, invoker: Invoker, services: HostServices) -> Listener | None:
        return None


def _ignore(value: Any) -> Any:
    return value


async def _drop(invocation: object, value: object) -> None:
    """Nobody asked over HTTP, so nobody gets the response."""


BINDING: Binding = HttpBinding()
