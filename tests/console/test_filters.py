import pytest

from funchost.console.filters import Filter, parse_levels
from funchost.console.line import DEBUG, ERROR, INFORMATION, WARNING
from funchost.errors import ConfigError


def test_user_loggers_show_from_information_and_system_categories_from_warning():
    shown = Filter()
    assert shown.shows("myapp.orders", INFORMATION)
    assert not shown.shows("myapp.orders", DEBUG)
    assert not shown.shows("Host.Triggers.Queue", INFORMATION)
    assert shown.shows("Host.Triggers.Queue", WARNING)
    assert not shown.shows("funchost.taskhub.worker", INFORMATION)


def test_verbose_shows_system_categories_from_information():
    assert Filter(verbose=True).shows("funchost.taskhub.worker", INFORMATION)


def test_the_line_that_sums_up_an_invocation_shows_without_verbose():
    shown = Filter()
    assert shown.shows("Function.Hello", INFORMATION, summary=True)
    assert not shown.shows("Function.Hello", INFORMATION)


def test_the_longest_prefix_wins_whatever_its_case():
    shown = Filter(parse_levels({"myapp": "Error", "MyApp.Orders": "debug", "default": "Warning"}))
    assert shown.shows("myapp.orders.line", DEBUG)
    assert not shown.shows("myapp.stock", WARNING)
    assert shown.shows("other", WARNING)
    assert not shown.shows("other", INFORMATION)


def test_a_rule_for_a_function_holds_for_what_its_code_logs():
    shown = Filter(parse_levels({"Function.Hello.User": "Debug"}))
    assert shown.shows("root", DEBUG, function="hello")
    assert not shown.shows("root", DEBUG, function="other")


def test_none_hides_even_errors():
    assert not Filter(parse_levels({"noisy": "None"})).shows("noisy", ERROR)


def test_a_star_stands_for_any_text():
    shown = Filter(parse_levels({"Function.*.User": "Error"}))
    assert not shown.shows("root", WARNING, function="Hello")


@pytest.mark.parametrize("category", ["azure.functions.worker", "azure_functions_worker.dispatcher"])
def test_loggers_of_the_sdk_show_with_verbose_only(category: str):
    assert not Filter(parse_levels({"default": "Trace"})).shows(category, ERROR)
    assert Filter(verbose=True).shows(category, INFORMATION)


def test_an_unknown_level_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"logging\.logLevel\.default is 'Loud'; use one of Trace, Debug"):
        parse_levels({"default": "Loud"})
