"""Functions passed by reference: which name is called, and what their results are decoded to."""

import functools
import importlib.util
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.durable_functions as df
import pytest

from durable.driver import result_of
from funchost.durable.functions import DurableFunctions, FunctionNames, Orchestrator
from funchost.durable.references import resolve


class Order:
    pass


def price(order: Any) -> Order:
    return Order()


def double(number: int) -> int:
    return number * 2


def ship(context: Any) -> Generator[Any, Any, Order]:
    yield
    return Order()


def timed(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


def app(*activities: tuple[Any, str], orchestrators: tuple[tuple[Any, str], ...] = ()) -> DurableFunctions:
    return DurableFunctions(
        [Orchestrator(name, call) for call, name in orchestrators],
        [name for _, name in activities],
        references=FunctionNames(
            [
                *(("activity", call, name) for call, name in activities),
                *(("orchestrator", call, name) for call, name in orchestrators),
            ]
        ),
    )


def test_a_plain_function_that_is_registered_is_called_by_its_registered_name():
    def main(context: Any) -> Any:
        return (yield context.call_activity(double, 4))

    assert result_of(main, activities={"Twice": double}) == 8


def test_a_plain_orchestrator_is_found_too_and_through_the_wrapper_of_the_sdk():
    functions = app(orchestrators=((ship, "Ship"),))
    wrapper = df.Orchestrator.create(ship)
    assert resolve(ship, "orchestrator", functions)[0] == "Ship"
    if hasattr(wrapper, "orchestrator_function"):
        assert resolve(wrapper, "orchestrator", functions)[0] == "Ship"


def test_a_function_of_another_kind_is_not_taken():
    with pytest.raises(ValueError, match="plain function"):
        resolve(double, "orchestrator", app((double, "Twice")))


def test_a_function_under_two_names_is_refused_with_both():
    with pytest.raises(ValueError, match="registered as Again and Twice; pass the name"):
        resolve(double, "activity", app((double, "Twice"), (double, "Again")))


def loaded_as(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_second_copy_of_a_module_has_the_same_functions(tmp_path: Path):
    file = tmp_path / "__init__.py"
    file.write_text("def main(value): return value\n\ndef other(value): return value\n")
    registered, imported = loaded_as("__app__.hello", file), loaded_as("hello", file)
    assert resolve(imported.main, "activity", app((registered.main, "hello")))[0] == "hello"
    with pytest.raises(ValueError, match="plain function"):
        resolve(imported.other, "activity", app((registered.main, "hello")))


def test_functions_in_one_wrapper_are_told_apart():
    functions = app((timed(double), "Twice"))
    assert resolve(timed(double), "activity", functions)[0] == "Twice"
    with pytest.raises(ValueError, match="plain function"):
        resolve(timed(price), "activity", functions)


def test_functions_made_at_run_time_are_known_by_identity_only():
    def made() -> Any:
        def same(value: Any) -> Any:
            return value

        return same

    one, other = made(), made()
    assert resolve(one, "activity", app((one, "One")))[0] == "One"
    with pytest.raises(ValueError, match="plain function"):
        resolve(other, "activity", app((one, "One")))


def test_decorated_functions_that_share_a_python_name_are_told_apart():
    blueprint = df.Blueprint()

    def run(value: Any) -> Any:
        return value

    first = run
    builder = blueprint.activity_trigger(input_name="value")(first)

    def run_again(value: Any) -> Any:
        return value

    functions = DurableFunctions(
        [], ["A", "B"], {"run": "B"}, references=FunctionNames([("activity", first, "A"), ("activity", run_again, "B")])
    )
    assert resolve(builder, "activity", functions)[0] == "A"


def returns_any(context: Any) -> Any: ...


def returns_generator(context: Any) -> Generator[Any, Any, Any]:
    yield


def returns_bare_generator(context: Any) -> Generator:  # type: ignore[type-arg]
    yield


async def returns_later(context: Any) -> Order:
    return Order()


@pytest.mark.parametrize(
    ("orchestrator", "expected"),
    [
        (ship, Order),
        (returns_later, Order),
        (price, Order),
        (returns_any, None),
        (returns_generator, None),
        (returns_bare_generator, None),
    ],
)
def test_the_result_of_a_child_is_what_the_author_s_function_says(orchestrator: Any, expected: type | None):
    builder = df.Blueprint().orchestration_trigger(context_name="context")(orchestrator)
    functions = app(orchestrators=((orchestrator, orchestrator.__name__),))
    assert resolve(builder, "orchestrator", functions) == (orchestrator.__name__, expected)


def unannotated(value: Any): ...


def perhaps_an_order(value: Any) -> Order | None: ...


def some_orders(value: Any) -> list[Order]: ...


@pytest.mark.parametrize(
    ("activity", "expected"),
    [(price, Order), (double, int), (unannotated, None), (perhaps_an_order, None), (some_orders, None)],
)
def test_the_result_of_an_activity_is_what_its_annotation_says_if_that_is_a_class(activity: Any, expected: type | None):
    builder = df.Blueprint().activity_trigger(input_name="value")(activity)
    functions = app((activity, activity.__name__))
    assert resolve(builder, "activity", functions) == (activity.__name__, expected)
