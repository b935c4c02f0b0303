# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import asyncio
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from funchost import spi
from funchost.app.spec import BindingSpec, FunctionSpec
from funchost.errors import ConfigError
from funchost.invocation.invoker import Invoker
from funchost.invocation.values import Input, Output
from funchost.spi import Bindings, HostServices, Listener, discover_bindings, prepare
from funchost.threads import ThreadPool
from invocation.functions import activity, binding, function, output


class Shelf:
    """A binding over a dictionary: ``shelfTrigger``, and ``shelf`` in and out."""

    kinds = frozenset({"shelftrigger", "shelf", "activitytrigger"})

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    def validate(self, function: FunctionSpec, binding: BindingSpec) -> None:
        if binding.kind == "shelf" and not binding.get("key"):
            raise ConfigError(f"{function.name}: binding {binding.name!r} has no 'key'")

    def input(self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices) -> Input:
        return Input(binding.name, lambda invocation: self.items.get(binding.get("key")))

    def output(self, function: FunctionSpec, binding: BindingSpec, annotation: Any, services: HostServices) -> Output:
        async def write(invocation: object, value: Any) -> None:
            self.items[binding.get("key")] = value

        return Output(binding.name, str, write)

    def listen(self, function: FunctionSpec, invoker: Invoker, services: HostServices) -> Listener | None:
        return None


def services() -> HostServices:
    return HostServices(ThreadPool(1))


def test_the_installed_bindings_are_found_by_entry_point() -> None:
    assert {"httptrigger", "http", "activitytrigger", "durableclient"} <= discover_bindings().kinds


def test_a_binding_that_does_not_load_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("mine", "no_such_module:BINDING", spi.GROUP)
    monkeypatch.setattr(spi, "entry_points", lambda group: [broken])
    with pytest.raises(ConfigError, match=r"'mine' \(no_such_module:BINDING\)"):
        discover_bindings()


def test_a_prepared_function_reads_and_writes_through_its_bindings() -> None:
    shelf = Shelf()
    shelf.items["a"] = 5

    def add(name: int, one: Any, two: Any) -> None:
        two.set(name + one)

    spec = activity(
        add, binding("shelf", "one", key="a"), BindingSpec("shelf", "two", output("x").direction, None, {"key": "b"})
    )
    host = services()
    asyncio.run(prepare(spec, Bindings([shelf]), host).acall(2))
    assert shelf.items == {"a": 5, "b": "7"}
    assert host.threads.close(5)


def test_a_mistake_in_a_binding_is_the_functions_problem() -> None:
    with pytest.raises(ConfigError, match="'one' has no 'key'"):
        prepare(activity(lambda name, one: None, binding("shelf", "one")), Bindings([Shelf()]), services())


def test_unknown_triggers_and_inputs_are_refused_by_type() -> None:
    with pytest.raises(ConfigError, match="trigger 'msg' has type kafkaTrigger, which is not supported"):
        prepare(function(lambda msg: None, binding("kafkaTrigger", "msg")), Bindings([Shelf()]), services())
    with pytest.raises(ConfigError, match="input binding 'doc' has type cosmosDB"):
        prepare(activity(lambda name, doc: None, binding("cosmosDB", "doc")), Bindings([Shelf()]), services())


def test_an_unknown_output_fails_only_when_a_value_is_set() -> None:
    def maybe(name: bool, sms: Any) -> None:
        if name:
            sms.set("text")

    host = services()
    invoker = prepare(activity(maybe, output("twilioSms", "sms")), Bindings([Shelf()]), host)
    asyncio.run(invoker.acall(False))
    with pytest.raises(TypeError, match="twilioSms, which is not supported"):
        asyncio.run(invoker.acall(True))
    assert host.threads.close(5)
