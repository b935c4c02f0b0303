# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.web.routes import RouteTable, build_route_table
from web.function_apps import http_function


def table(*routes: tuple[str, str | None] | tuple[str, str | None, list[str]], **options: Any) -> RouteTable:
    """Functions as (name, route[, methods])."""
    functions = [
        http_function(lambda req: None, one[0], route=one[1], methods=one[2] if len(one) > 2 else ()) for one in routes
    ]
    return build_route_table(functions, prefix=options.pop("prefix", "api"), **options)


def answers(routes: RouteTable, path: str, method: str = "GET") -> str | None:
    found = routes.find(method, path)
    return None if found is None else found[0].function.name


def test_the_route_is_the_functions_name_below_the_prefix_unless_given() -> None:
    routes = table(("Hello", None), ("other", "x/{id}"))
    assert [route.path for route in routes.routes] == ["/api/Hello", "/api/x/{id}"]
    assert answers(routes, "API/hello/") == "Hello"
    assert answers(routes, "hello") is None


def test_an_empty_prefix_is_none() -> None:
    assert answers(table(("f", None), prefix=""), "f") == "f"


def test_an_empty_route_is_the_prefix_itself() -> None:
    assert answers(table(("f", "")), "api") == "f"
    assert answers(table(("f", ""), prefix=""), "") == "f"


def test_the_function_whose_name_comes_first_answers_even_when_another_is_more_specific() -> None:
    routes = table(("b_literal", "x/here"), ("a_any", "x/{id}"))
    assert answers(routes, "api/x/here") == "a_any"


def test_a_literal_that_comes_first_answers_for_its_path_only() -> None:
    routes = table(("a_literal", "x/here"), ("b_any", "x/{id}"))
    assert answers(routes, "api/x/here") == "a_literal"
    assert answers(routes, "api/x/there") == "b_any"


def test_names_are_ordered_ignoring_case() -> None:
    assert answers(table(("B", "{x}"), ("a", "{y}")), "api/1") == "a"


def test_the_order_can_be_the_most_specific_first() -> None:
    routes = table(
        ("a", "x/{*rest}"), ("b", "x/{id}"), ("c", "x/{id:int}"), ("d", "x/here"), ("e", "x/v{n}"), order="specific"
    )
    assert answers(routes, "api/x/here") == "d"
    assert answers(routes, "api/x/5") == "c"
    assert answers(routes, "api/x/v5") == "e"
    assert answers(routes, "api/x/there") == "b"
    assert answers(routes, "api/x/there/far") == "a"
    assert routes.warnings == ()


def test_a_wrong_method_passes_on_to_the_next_route() -> None:
    routes = table(("a", "x", ["get"]), ("b", "{any}", ["post"]))
    assert answers(routes, "api/x", "POST") == "b"
    assert answers(routes, "api/x", "PUT") is None


def test_head_and_options_are_not_implied_by_get_but_by_no_list_at_all() -> None:
    routes = table(("a", "listed", ["GET"]), ("b", "open"))
    assert answers(routes, "api/listed", "HEAD") is None
    assert answers(routes, "api/listed", "OPTIONS") is None
    assert answers(routes, "api/open", "HEAD") == answers(routes, "api/open", "OPTIONS") == "b"


def test_a_failing_constraint_passes_on_to_the_next_route() -> None:
    routes = table(("a", "x/{id:int}"), ("b", "x/{name}"))
    assert answers(routes, "api/x/five") == "b"


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("f", "admin"),
        ("f", "administrators"),
        ("f", "Runtime/x"),
        ("adminX", None),
        ("f", "/admin/x"),
        ("f", "runtime{x}"),
    ],
)
def test_a_route_that_begins_with_a_reserved_word_is_refused(name: str, route: str | None) -> None:
    routes = table((name, route))
    assert not routes.routes
    assert [function.name for function in routes.refused] == [name]
    assert "reserved" in str(routes.refused[0].problem)


def test_of_two_equal_routes_the_later_function_is_refused_and_told_who_has_it() -> None:
    routes = table(("b", "X/{id}"), ("a", "x/{id}"))
    assert [function.name for function in routes.refused] == ["b"]
    assert "taken by function a" in str(routes.refused[0].problem)


def test_equal_routes_with_different_methods_live_together() -> None:
    routes = table(("a", "x", ["GET"]), ("b", "x", ["POST"]))
    assert not routes.refused
    assert answers(routes, "api/x", "POST") == "b"


def test_each_pair_where_a_more_specific_route_loses_is_warned_of_once() -> None:
    routes = table(("a", "x/{id}"), ("b", "x/here"), ("c", "x/{n:int}"), ("d", "y/{*rest}"), ("e", "y/{id}"))
    assert [(w.count("/api/x/here"), w.count("/api/x/{n:int}"), w.count("/api/y/{id}")) for w in routes.warnings] == [
        (2, 0, 0),
        (0, 2, 0),
        (0, 0, 2),
    ]
    assert "extensions.funchost.routeOrder" in routes.warnings[0]


def test_routes_that_never_meet_are_not_warned_of() -> None:
    routes = table(
        ("a", "x/{id:int}"),
        ("b", "x/here"),
        ("c", "z/{id}", ["GET"]),
        ("d", "z/here", ["POST"]),
        ("e", "w/{a}/{b}"),
        ("f", "w/here"),
    )
    assert routes.warnings == []


def test_disabled_functions_and_other_triggers_have_no_route() -> None:
    disabled = http_function(lambda req: None, "off", disabled=True)
    assert not build_route_table([disabled], prefix="api").routes


SEGMENTS = st.sampled_from(["a", "b", "{x}", "{x:int}", "{y?}", "{x=a}", "{*rest}", "a{x}", "{x}.{y?}"])
PATHS = st.lists(st.sampled_from(["a", "A", "b", "ab", "5", "a.b", "a5"]), max_size=3).map("/".join)


@given(
    templates=st.lists(st.lists(SEGMENTS, max_size=3).map("/".join), max_size=8),
    methods=st.lists(st.sampled_from([[], ["GET"], ["POST"]]), min_size=8, max_size=8),
    path=PATHS,
    method=st.sampled_from(["GET", "POST"]),
    slash=st.sampled_from(["", "/"]),
)
def test_looking_up_a_path_finds_what_trying_all_routes_in_order_finds(
    templates: list[str], methods: list[list[str]], path: str, method: str, slash: str
) -> None:
    named = [(f"f{n}", template, methods[n]) for n, template in enumerate(templates)]
    routes = table(*named, prefix="")
    tried = ((route, route.template.match(path + slash)) for route in routes.routes if route.allows(method))
    expected = next(((route, values) for route, values in tried if values is not None), None)
    assert routes.find(method, path + slash) == expected
