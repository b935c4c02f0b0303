"""Durable functions: clients of the task hub as inputs, and starts of orchestrations as outputs.

The triggers are listed here so that functions may have them; the worker of the task hub drives them.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from funchost.app.spec import BindingSpec, Direction, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.invocation import Invocation
from funchost.invocation.invoker import Invoker
from funchost.invocation.values import AsyncInput, Input, Output
from funchost.spi import Binding, DurableClients, HostServices, Listener

__all__ = ["BINDING", "DurableBinding"]

logger = logging.getLogger(__name__)

_CLIENTS = frozenset({"durableclient", "orchestrationclient"})
_TRIGGERS = frozenset({"orchestrationtrigger", "activitytrigger", "entitytrigger"})
_SETTING = re.compile(r"%([^%]+)%")


class DurableBinding:
    """``durableClient`` and its older name ``orchestrationClient``, in both directions."""

    kinds = _CLIENTS | _TRIGGERS

    def validate(self, function: FunctionSpec, binding: BindingSpec) -> None:
        if binding.kind in _CLIENTS and binding.direction is Direction.INOUT:
            raise ConfigError(f"{function.name}: client binding {binding.name!r} must have direction 'in' or 'out'")
        if binding.kind == "orchestrationtrigger" and function.durable_name.startswith("@"):
            raise ConfigError(f"{function.name}: names of orchestrators must not start with '@', which marks entities")

    def input(
        self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices
    ) -> Input | AsyncInput:
        """The client that the SDK's decorator promises, or the text that older functions make one of."""
        clients = _clients(function, binding, services)
        connection: str | None = binding.get("connectionName")
        if binding.name in function.rich_clients:
            return Input(binding.name, lambda invocation: clients.client(invocation.id, connection))
        return Input(binding.name, lambda invocation: clients.binding_text(connection))

    def output(self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices) -> Output:
        clients = _clients(function, binding, services)

        async def write(invocation: Invocation, requests: Any) -> None:
            await clients.start(requests)

        return Output(binding.name, clients.check_starts, write)

    def listen(self, function: FunctionSpec, invoker: Invoker, services: HostServices) -> Listener | None:
        return None


def _clients(function: FunctionSpec, binding: BindingSpec, services: HostServices) -> DurableClients:
    if services.clients is None:
        raise ConfigError(f"{function.name}: client binding {binding.name!r} needs a task hub, and this host has none")
    asked = _resolved(str(binding.get("taskHub", "")), services.settings)
    if asked and asked.lower() != services.clients.hub_name.lower():
        logger.warning(
            "%s: client binding %r names the task hub %r; it gets the app's own, %r, the only one served here",
            function.name,
            binding.name,
            asked,
            services.clients.hub_name,
        )
    return services.clients


def _resolved(text: str, settings: Mapping[str, str]) -> str:
    """``%NAME%`` becomes the setting of that name; an unknown one stays as it is."""
    return _SETTING.sub(lambda match: settings.get(match[1], match[0]), text)


BINDING: Binding = DurableBinding()
