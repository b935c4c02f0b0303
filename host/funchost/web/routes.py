"""Which function answers a request: the route table.

The rule of the reference host decides: functions are tried in the order of their names, and the first whose
path, constraints and method fit answers; nothing is more specific than anything else. A wrong method is no
match, so it never gives 405. Paths without parameters are looked up in a dictionary; it holds, for each
of them, all routes that match it in their order, so that the order is kept there too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from funchost.app.spec import FunctionSpec
from funchost.errors import ConfigError
from funchost.web.precedence import is_more_specific, may_overlap, precedence
from funchost.web.templates import Template, parse_template

__all__ = ["Match", "Route", "RouteOrder", "RouteTable", "build_route_table", "route_text"]

RouteOrder = Literal["name", "specific"]
"""``name``: as above. ``specific``: literal before constrained before plain parameter before catch-all."""

_RESERVED = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Route:
    """Where one function listens. ``methods`` are upper case; empty means any. ``path`` begins with a slash."""

    function: FunctionSpec
    template: Template
    path: str
    methods: frozenset[str]

    def allows(self, method: str) -> bool:
        return not self.methods or method in self.methods

    def shares_methods_with(self, other: "Route") -> bool:
        return not self.methods or not other.methods or bool(self.methods & other.methods)


Match = tuple[Route, Mapping[str, str]]
"""The route that answers, and the route parameters."""

_NO_VALUES: Mapping[str, str] = {}


class RouteTable:
    """``refused`` are functions that got no route, with their problem filled in; ``warnings`` are for the log."""

    def __init__(self, routes: Sequence[Route], refused: Sequence[FunctionSpec], warnings: Sequence[str]) -> None:
        self.routes = routes
        self.refused = refused
        self.warnings = warnings
        self._dynamic = [route for route in routes if route.template.literal is None]
        literal = {path for route in routes if (path := route.template.literal) is not None}
        self._literal = {path: self._in_order(path) for path in literal}

    def find(self, method: str, path: str) -> Match | None:
        """``path`` is decoded and without its first slash."""
        for route in self._literal.get(path.lower().removesuffix("/"), self._dynamic):
            if not route.allows(method):
                continue
            if route.template.literal is not None:
                return route, _NO_VALUES
            values = route.template.match(path)
            if values is not None:
                return route, values
        return None

    def _in_order(self, path: str) -> Sequence[Route]:
        return [route for route in self.routes if route.template.match(path) is not None]


def route_text(function: FunctionSpec) -> str:
    """The route below the prefix, as the author wrote it; the function's name when there is none."""
    route = function.trigger.get("route")
    return function.name if route is None else str(route)


def build_route_table(functions: Sequence[FunctionSpec], *, prefix: str, order: RouteOrder = "name") -> RouteTable:
    """The table of all HTTP functions among ``functions``; disabled ones have no route."""
    refused: list[FunctionSpec] = []
    routes: list[Route] = []
    http = [f for f in functions if f.trigger.kind == "httptrigger" and not f.disabled]
    for function in sorted(http, key=lambda f: f.name.upper()):
        try:
            route = _route(function, prefix)
            _refuse_duplicate(route, routes)
        except ConfigError as problem:
            refused.append(replace(function, problem=function.problem or str(problem)))
        else:
            routes.append(route)
    if order == "specific":
        routes.sort(key=lambda route: precedence(route.template))
        return RouteTable(routes, refused, ())
    return RouteTable(routes, refused, [_warning(a, b) for a, b in combinations(routes, 2) if _shadows(a, b)])


def _route(function: FunctionSpec, prefix: str) -> Route:
    text = route_text(function)
    own = text.removeprefix("~/").strip("/")
    if own.lower().startswith(_RESERVED):
        raise ConfigError(
            f"{function.name}: route {text!r} begins with one of the reserved words {' and '.join(_RESERVED)}; "
            "give it another route"
        )
    prefix = prefix.strip("/")
    whole = f"{prefix}/{own}" if prefix else own
    template = parse_template(whole, where=function.name)
    methods = function.trigger.get("methods") or ()
    return Route(function, template, f"/{template.text}", frozenset(str(method).upper() for method in methods))


def _refuse_duplicate(route: Route, others: Sequence[Route]) -> None:
    for other in others:
        if route.path.lower() == other.path.lower() and route.shares_methods_with(other):
            raise ConfigError(
                f"{route.function.name}: route {route.path!r} is already taken by function {other.function.name}; "
                "change the route or the methods of one of them"
            )


def _shadows(first: Route, second: Route) -> bool:
    return (
        first.shares_methods_with(second)
        and is_more_specific(second.template, first.template)
        and may_overlap(first.template, second.template)
    )


def _warning(first: Route, second: Route) -> str:
    return (
        f"Requests that fit both {first.path} ({first.function.name}) and {second.path} ({second.function.name}) are "
        f"answered by {first.function.name}, whose name comes first, although {second.path} is more specific; set "
        'extensions.funchost.routeOrder to "specific" in host.json to change that'
    )
