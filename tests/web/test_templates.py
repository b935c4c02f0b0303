import pytest

from funchost.errors import ConfigError
from funchost.web.templates import parse_template

MATCHES = [
    ("hello", "hello", {}),
    ("hello", "HELLO", {}),
    ("hello", "hello/", {}),
    ("hello", "hello//", None),
    ("hello", "hello/x", None),
    ("", "", {}),
    ("", "x", None),
    ("/leading/", "leading", {}),
    ("orders/{id}", "orders/5", {"id": "5"}),
    ("orders/{id}", "orders", None),
    ("orders/{id}", "orders/", None),
    ("orders/{id}", "orders/a/b", None),
    ("orders/{Id}", "Orders/aB", {"Id": "aB"}),
    ("orders/{id?}", "orders", {}),
    ("orders/{id?}", "orders/", {}),
    ("orders/{id?}", "orders/7", {"id": "7"}),
    ("orders/{id=5}", "orders", {"id": "5"}),
    ("orders/{id=5}", "orders/6", {"id": "6"}),
    ("{a=1}/{b=2}", "", {"a": "1", "b": "2"}),
    ("{a=1}/{b=2}", "x", {"a": "x", "b": "2"}),
    ("files/{*rest}", "files", {}),
    ("files/{*rest}", "files/", {}),
    ("files/{*rest}", "files/a/b.txt", {"rest": "a/b.txt"}),
    ("files/{*rest}", "files/a/", {"rest": "a/"}),
    ("files/{**rest}", "files/a/b", {"rest": "a/b"}),
    ("/{*route}", "", {}),
    ("/{*route}", "any/where", {"route": "any/where"}),
    ("v{major}.{minor}", "v1.2", {"major": "1", "minor": "2"}),
    ("v{major}.{minor}", "V1.2.3", {"major": "1.2", "minor": "3"}),
    ("v{major}.{minor}", "v1", None),
    ("{a}-{b}-{c}", "1-2-3-4", {"a": "1-2", "b": "3", "c": "4"}),
    ("get/{name}.{ext?}", "get/report", {"name": "report"}),
    ("get/{name}.{ext?}", "get/report.pdf", {"name": "report", "ext": "pdf"}),
    ("get/{name}.{ext?}", "get/a.b.pdf", {"name": "a.b", "ext": "pdf"}),
    ("{id:int}", "5", {"id": "5"}),
    ("{id:int}", "five", None),
    ("{id:int:min(1)}", "0", None),
    ("{id:int:min(1)}", "1", {"id": "1"}),
    ("{id:int?}", "", {}),
    ("{id:int?}", "x", None),
    ("{id:int=7}", "", {"id": "7"}),
    ("{code:length(3)?}", "", {}),
    ("{code:length(3)?}", "abc", {"code": "abc"}),
    (r"{code:regex(^[a-z]{{2}}\d$)}", "ab1", {"code": "ab1"}),
    (r"{code:regex(^[a-z]{{2}}\d$)}", "abc1", None),
    (r"{code:regex(^(a|b)/?$)}", "a", {"code": "a"}),
    (r"{p:regex(^\d{{3}}-\d{{4}}$)}/x", "123-4567/x", {"p": "123-4567"}),
    ("{{literal}}", "{literal}", {}),
    ("käse/{x}", "KÄSE/1", {"x": "1"}),
]


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES, ids=[f"{m[0]} ~ {m[1]}" for m in MATCHES])
def test_a_template_matches(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert parse_template(template, where="f").match(path) == expected


@pytest.mark.parametrize(
    "template",
    [
        "a//b",
        "a/{b",
        "a/b}",
        "{a}{b}",
        "{a}/{A}",
        "{*rest}/more",
        "x{*rest}",
        "{a?}/{b}",
        "{a?}b",
        "what?",
        "{}",
        "{a:nothing}",
        "{a:min(x)}",
        "{a:regex(()}",
        "{a:length(1,2}",
        "{a=1?}",
    ],
)
def test_a_template_that_cannot_work_is_refused_by_the_name_of_its_function(template: str) -> None:
    with pytest.raises(ConfigError, match=r"^orders: "):
        parse_template(template, where="orders")


def test_only_a_template_without_parameters_is_one_literal_path() -> None:
    assert parse_template("Api/Hello", where="f").literal == "api/hello"
    assert parse_template("api/{name?}", where="f").literal is None
