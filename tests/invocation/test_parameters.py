# Functions under test are written as apps write them: without annotations.
# pyright: reportUnknownLambdaType=false

import functools
from typing import Any

import azure.functions as func
import pytest

from funchost.app.spec import BindingSpec, Direction
from funchost.errors import ConfigError
from funchost.invocation.parameters import match_parameters
from invocation.functions import binding, function, output

REQ = binding("httpTrigger", "req")
HTTP = output("http")


def accepted(call: Any, *bindings: BindingSpec) -> None:
    match_parameters(function(call, *bindings))


def refused(call: Any, *bindings: BindingSpec, saying: str) -> None:
    with pytest.raises(ConfigError, match=rf"^cannot load the f function: .*{saying}"):
        match_parameters(function(call, *bindings))


def test_parameters_and_bindings_that_agree_are_accepted() -> None:
    def with_all(req: func.HttpRequest, msg: func.Out[str], context: func.Context) -> func.HttpResponse: ...

    accepted(with_all, REQ, output("queue", "msg"), HTTP)
    assert match_parameters(function(with_all, REQ, output("queue", "msg"), HTTP)).wants_context


def test_unannotated_parameters_are_accepted() -> None:
    accepted(lambda req, msg: None, REQ, output("queue", "msg"), HTTP)


def test_a_parameter_without_a_binding_is_named_even_with_a_default() -> None:
    refused(lambda req, extra=1, other=2: None, REQ, saying="no binding: extra, other")


def test_a_binding_without_a_parameter_is_named_but_not_the_return() -> None:
    refused(lambda req: None, REQ, output("queue", "msg"), HTTP, saying="no parameter of their name: msg")


def test_the_context_may_be_a_binding_or_must_be_annotated_as_the_context() -> None:
    def wrong(req: func.HttpRequest, context: int) -> None: ...

    refused(wrong, REQ, saying="'context' is annotated int")
    accepted(lambda context: None, binding("activityTrigger", "context"))
    assert not match_parameters(function(lambda context: None, binding("activityTrigger", "context"))).wants_context


def test_directions_that_make_no_sense_are_refused() -> None:
    refused(lambda req, x: None, REQ, BindingSpec("blob", "x", Direction.INOUT), saying="'inout'")
    refused(lambda req: None, REQ, BindingSpec("http", "$return", Direction.IN), saying="must have direction 'out'")


def annotated(annotation: Any, returns: Any = None) -> Any:
    def call(req): ...  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]

    call.__annotations__ = {"req": annotation} | ({"return": returns} if returns is not None else {})
    return call


@pytest.mark.parametrize("annotation", [func.HttpRequest, func.HttpRequest | None, Any, object])
def test_a_request_may_be_annotated(annotation: Any) -> None:
    accepted(annotated(annotation), REQ, HTTP)


@pytest.mark.parametrize(
    ("annotation", "saying"),
    [
        (int, "int does not fit"),
        (func.HttpResponse, "HttpResponse does not fit"),
        (str, "str does not fit"),
        (123, "123 is not a type"),
        (func.Out[func.HttpRequest], "is an input but annotated"),
        ("NoSuchType", "annotations cannot be resolved.*NoSuchType"),
    ],
)
def test_what_never_can_be_a_request_is_refused_by_parameter_and_type(annotation: Any, saying: str) -> None:
    refused(annotated(annotation), REQ, HTTP, saying=saying)


@pytest.mark.parametrize("returns", [func.HttpResponse, str, func.HttpResponse | str, Any])
def test_a_response_may_be_annotated(returns: Any) -> None:
    accepted(annotated(func.HttpRequest, returns), REQ, HTTP)


@pytest.mark.parametrize("returns", [int, dict, type(None), func.HttpRequest, dict[str, int]])
def test_what_never_can_be_a_response_is_refused(returns: Any) -> None:
    refused(annotated(func.HttpRequest, returns), REQ, HTTP, saying="return annotation")


def test_a_return_annotation_without_a_return_binding_is_not_looked_at() -> None:
    accepted(annotated(func.HttpRequest, int), REQ)


def out(annotation: Any) -> Any:
    def call(req, msg): ...  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]

    call.__annotations__ = {"msg": annotation}
    return call


@pytest.mark.parametrize(
    "annotation", [func.Out[str], func.Out[bytes], func.Out[func.QueueMessage], func.Out[list[str]]]
)
def test_an_output_may_be_annotated(annotation: Any) -> None:
    accepted(out(annotation), REQ, output("queue", "msg"))


@pytest.mark.parametrize(
    ("annotation", "saying"),
    [
        (str, "expected azure.functions.Out"),
        (func.Out, "exactly one type"),
        (func.Out[func.HttpRequest], "does not fit"),
    ],
)
def test_an_output_annotated_otherwise_is_refused(annotation: Any, saying: str) -> None:
    refused(out(annotation), REQ, output("queue", "msg"), saying=saying)


def test_raw_text_and_bytes_are_what_other_triggers_may_be_asked_for() -> None:
    for annotation in (str, bytes, func.QueueMessage):
        accepted(annotated(annotation), binding("queueTrigger", "req"))
    refused(annotated(int), binding("queueTrigger", "req"), saying="int does not fit")


def test_activities_take_any_annotation_and_clients_are_not_checked() -> None:
    accepted(annotated(dict[str, int]), binding("activityTrigger", "req"))
    accepted(annotated(int), binding("durableClient", "req"))


def test_orchestrators_and_entities_may_name_their_parameter_anything() -> None:
    accepted(lambda anything: None, binding("orchestrationTrigger", "context"))
    accepted(lambda anything: None, binding("entityTrigger", "context"))


def test_a_wrapper_shows_the_parameters_of_what_it_wraps() -> None:
    def inner(req: func.HttpRequest) -> func.HttpResponse: ...

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any: ...

    accepted(wrapper, REQ, HTTP)
    refused(lambda *args, **kwargs: None, REQ, HTTP, saying="args, kwargs")
