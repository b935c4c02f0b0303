import functools
from typing import Any

import azure.functions as func

from funchost.invocation.parameters import read_parameters
from invocation.functions import activity, binding, function


def test_annotations_are_resolved_by_parameter() -> None:
    def call(req: "func.HttpRequest", msg: func.Out[str]) -> str: ...

    read = read_parameters(function(call, binding("httpTrigger", "req")))
    assert read.annotations == {"req": func.HttpRequest, "msg": func.Out[str], "return": str}
    assert not read.wants_context


def test_a_context_that_is_no_binding_is_wanted_from_the_host() -> None:
    def call(name: str, context: func.Context) -> None: ...

    assert read_parameters(activity(call)).wants_context
    assert not read_parameters(function(call, binding("activityTrigger", "context"))).wants_context


def test_a_wrapper_shows_the_parameters_of_what_it_wraps() -> None:
    def inner(name: str, context: func.Context) -> None: ...

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any: ...

    assert read_parameters(activity(wrapper)).wants_context


def test_a_callable_object_is_called_without_annotations() -> None:
    class Call:
        def __call__(self, name: str, context: Any) -> str:
            return name

    read = read_parameters(activity(Call()))
    assert read.annotations == {}
    assert read.wants_context
    assert read_parameters(activity(functools.partial(Call(), context=1))).annotations == {}
