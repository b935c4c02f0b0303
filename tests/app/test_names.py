"""Names under which durable functions are called."""

import pytest

from app.loader import Loader
from funchost.errors import ConfigError


def test_the_binding_s_name_comes_before_the_function_s(loader: Loader):
    say = '@app.activity_trigger(input_name="x", activity="Say")\ndef say_hello(x): ...\n'
    work = '@app.function_name("Other")\n@app.orchestration_trigger(context_name="context")\ndef work(context): ...\n'
    app = loader.script(say + work.replace("context_name", 'orchestration="Work", context_name'))
    assert [f.durable_name for f in app.functions] == ["Work", "Say"]


def test_the_function_s_name_counts_when_the_binding_has_none(loader: Loader):
    name = '@app.function_name("Other")\n'
    function = loader.one(name + '@app.activity_trigger(input_name="x")\ndef say_hello(x): ...\n')
    assert (function.durable_name, function.aliases) == ("Other", ("say_hello",))


def test_a_function_object_goes_by_its_python_name_too(loader: Loader):
    name = '@app.function_name("Fn")\n'
    function = loader.one(name + '@app.activity_trigger(input_name="x", activity="Say")\ndef say_hello(x): ...\n')
    assert (function.durable_name, function.aliases) == ("Say", ("say_hello",))


def test_a_python_name_that_is_the_registered_one_is_no_alias(loader: Loader):
    function = loader.one('@app.activity_trigger(input_name="x", activity="SAY")\ndef say(x): ...\n')
    assert function.aliases == ()


def test_two_activities_of_one_name_are_refused(loader: Loader):
    with pytest.raises(ConfigError, match=r"2 functions with an activityTrigger are called 'Say' .*: one, two"):
        loader.script(
            '@app.activity_trigger(input_name="x", activity="Say")\ndef one(x): ...\n'
            '@app.activity_trigger(input_name="x", activity="SAY")\ndef two(x): ...\n'
        )


def test_an_orchestrator_and_an_activity_may_share_a_name(loader: Loader):
    app = loader.script(
        '@app.orchestration_trigger(context_name="context", orchestration="work")\ndef one(context): ...\n'
        '@app.activity_trigger(input_name="x", activity="work")\ndef two(x): ...\n'
    )
    assert all(f.runs for f in app.functions)


def test_functions_that_do_not_run_take_no_name(loader: Loader):
    app = loader.script(
        '@app.activity_trigger(input_name="x", activity="Say")\ndef one(x): ...\n'
        '@app.activity_trigger(input_name="x", activity="Say")\ndef two(x): ...\n',
        environ={"AzureWebJobs.two.Disabled": "1"},
    )
    assert [f.runs for f in app.functions] == [True, False]
