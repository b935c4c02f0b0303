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


def test_a_python_name_is_registered_itself_or_an_alias_or_stays_as_it_is():
    assert FUNCTIONS.named("pay", "activity") == "pay"
    assert FUNCTIONS.named("pay", "orchestrator") is None
    assert FUNCTIONS.named("cart", "entity") == "cart"
    assert FUNCTIONS.alias("Price") == "GetPrice"
    assert FUNCTIONS.alias("ship_it") == "Ship"
    assert FUNCTIONS.alias("unknown") == "unknown"


def test_known_names_are_listed():
    assert FUNCTIONS.activity_names == ["GetPrice", "Pay"]
    assert FUNCTIONS.orchestrator_names == ["Ship"]
    assert FUNCTIONS.entity_names == ["Cart"]
    assert DurableFunctions([], []).entity_names == []
