"""How the engine looks functions up."""

from typing import Any

from funchost.durable.functions import DurableFunctions, Entity, Orchestrator


def code(context: Any) -> Any:
    return None


FUNCTIONS = DurableFunctions(
    [Orchestrator("Ship", code)],
    ["GetPrice", "Pay"],
    {"price": "GetPrice", "SHIP_IT": "Ship", "basket": "Cart"},
    entities=[Entity("Cart", code)],
)


def test_names_ignore_case_and_come_back_as_registered():
    assert FUNCTIONS.activity("getprice") == "GetPrice"
    assert FUNCTIONS.activity("nobody") is None
    found = FUNCTIONS.orchestrator("SHIP")
    assert found is not None
    assert (found.name, found.call) == ("Ship", code)
    assert FUNCTIONS.orchestrator("pay") is None
    assert FUNCTIONS.entity("cart") == Entity("Cart", code)
    assert FUNCTIONS.entity("ship") is None


def test_a_function_passed_by_reference_is_found_by_its_own_name_or_its_alias():
    assert FUNCTIONS.registered("pay", among="activity") == "pay"
    assert FUNCTIONS.registered("Price", among="activity") == "GetPrice"
    assert FUNCTIONS.registered("ship_it", among="orchestrator") == "Ship"
    assert FUNCTIONS.registered("Basket", among="entity") == "Cart"
    assert FUNCTIONS.registered("unknown", among="activity") == "unknown"


def test_known_names_are_listed():
    assert FUNCTIONS.activity_names == ["GetPrice", "Pay"]
    assert FUNCTIONS.orchestrator_names == ["Ship"]
    assert FUNCTIONS.entity_names == ["Cart"]
    assert DurableFunctions([], []).entity_names == []
