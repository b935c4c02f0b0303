"""host.json: defaults, values, overrides and mistakes."""

from datetime import timedelta

import pytest

from funchost.settings import Hsts
from settings.folder import Folder


def extension(name: str, body: str) -> str:
    return f'{{"version": "2.0",\n "extensions": {{"{name}": {body}}}}}'


def test_a_missing_file_means_the_defaults_with_one_note_and_nothing_is_written(folder: Folder):
    settings, notes = folder.read(), folder.notes()
    assert (settings.http.route_prefix, settings.function_timeout) == ("api", timedelta(minutes=30))
    assert notes == [f"{folder.path / 'host.json'}: is not there; the defaults apply"]
    assert list(folder.path.iterdir()) == []


def test_an_empty_object_means_the_defaults_with_one_note(folder: Folder):
    assert folder.host("{}").notes() == [f"{folder.path / 'host.json'}: is empty; the defaults apply"]
    assert (folder.path / "host.json").read_text() == "{}"


def test_a_plain_file_is_read_without_a_word(host: Folder):
    assert host.notes() == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "version": "2.0",\n  "x" 1\n}', ":3:7: not valid JSON"),
        ("", ":1:1: not valid JSON"),
        ('{"version": NaN}', ":1:13: not valid JSON: NaN"),
        ("[]", ":1:1: must hold a JSON object"),
    ],
)
def test_what_is_not_json_is_refused_with_line_and_column(folder: Folder, text: str, place: str):
    assert folder.host(text).mistakes()[0].startswith(f"{folder.path / 'host.json'}{place}")


def test_comments_trailing_commas_and_a_byte_order_mark_are_read(folder: Folder):
    text = (
        '\ufeff{ // the version\n "version": "2.0", /* more\n */ "extensions": {"http": {"routePrefix": "a//b",},}, }'
    )
    assert folder.host(text).read().http.route_prefix == "a//b"


def test_a_missing_or_other_version_is_refused(folder: Folder):
    assert 'add "version": "2.0"' in folder.host('{"functionTimeout": "00:05:00"}').mistakes()[0]
    assert "version is '3.0'" in folder.host('{"version": "3.0"}').mistakes()[0]


def test_all_mistakes_are_told_together_each_with_its_place(folder: Folder):
    folder.host(
        '{\n"version": "2.0",\n"functionTimeout": 5,\n"extensions": {\n"http": {"routePrefix": 3},\n'
        '"queues": {"batchSize": 33},\n"blobs": []\n}}'
    )
    path = folder.path / "host.json"
    assert sorted(folder.mistakes({"FUNCHOST_STORAGE": "tape"}, port="99999")) == [
        "--port is '99999'; expected an integer from 0 to 65535",
        f"{path}:3: functionTimeout is 5; expected a duration as hh:mm:ss or d.hh:mm:ss of at least 00:00:01, "
        "or -1 for no limit",
        f"{path}:5: extensions.http.routePrefix is 3; expected text",
        f"{path}:6: extensions.queues.batchSize is 33; expected an integer from 1 to 32",
        f"{path}:7: extensions.blobs is []; expected an object",
        """setting FUNCHOST_STORAGE is 'tape'; expected one of "auto", "embedded", "azure\"""",
    ]


@pytest.mark.parametrize(
    ("member", "bad"),
    [
        ("singleton", '{"lockPeriod": "00:00:14"}'),
        ("singleton", '{"listenerLockRecoveryPollingInterval": "00:00:10"}'),
        ("healthMonitor", '{"counterThreshold": 1.5}'),
        ("aggregator", '{"batchSize": 10001}'),
        ("concurrency", '{"cpuThreshold": "much"}'),
        ("logging", '{"logLevel": {"default": "Loud"}}'),
        ("logging", '{"logLevel": 3}'),
        ("functions", '"hello"'),
        ("retry", '{"strategy": "never"}'),
        ("retry", '{"strategy": "fixedDelay", "maxRetryCount": -2, "delayInterval": "00:00:01"}'),
        ("customHandler", '{"description": {"defaultExecutablePath": "x"}}'),
    ],
)
def test_a_value_out_of_its_bounds_is_refused_by_name(folder: Folder, member: str, bad: str):
    (line,) = folder.host(f'{{"version": "2.0", "{member}": {bad}}}').mistakes()
    assert member in line


@pytest.mark.parametrize("unlimited", ['"-1"', "-1", '"-1.00:00:00"'])
def test_the_function_timeout_may_be_unlimited(folder: Folder, unlimited: str):
    assert folder.host(f'{{"version": "2.0", "functionTimeout": {unlimited}}}').read().function_timeout is None


def test_names_ignore_case(folder: Folder):
    text = '{"VERSION": "2.0", "Extensions": {"HTTP": {"RoutePrefix": "v1"}}, "functiontimeout": "00:01:00"}'
    settings = folder.host(text).read()
    assert (settings.http.route_prefix, settings.function_timeout) == ("v1", timedelta(minutes=1))


@pytest.mark.parametrize(
    "name",
    [
        "AzureFunctionsJobHost__extensions__http__routePrefix",
        "azurefunctionsjobhost:Extensions:HTTP:routeprefix",
    ],
)
def test_a_setting_overrides_a_member_of_the_file(folder: Folder, name: str):
    folder.host(extension("http", '{"routePrefix": "file"}'))
    assert folder.read({name: "setting"}).http.route_prefix == "setting"
    assert folder.read({name: ""}).http.route_prefix == ""


def test_a_setting_replaces_an_item_of_a_list_and_may_add_one(folder: Folder):
    folder.host('{"version": "2.0", "functions": ["a", "b"]}')
    changed = {"AzureFunctionsJobHost__functions__1": "c", "AzureFunctionsJobHost__functions__2": "d"}
    assert folder.read(changed).functions == ("a", "c", "d")


def test_a_mistake_in_a_setting_names_the_setting(host: Folder):
    (line,) = host.mistakes({"AzureFunctionsJobHost__functionTimeout": "soon"})
    assert line.startswith('setting AzureFunctionsJobHost__functionTimeout: functionTimeout is "soon"')


def test_settings_are_text_and_read_as_what_the_option_is(host: Folder):
    prefix = "AzureFunctionsJobHost__extensions__"
    settings = host.read(
        {
            f"{prefix}durableTask__extendedSessionsEnabled": "True",
            f"{prefix}durableTask__maxConcurrentActivityFunctions": "7",
        }
    )
    assert settings.durable.extended_sessions is True
    assert settings.durable.max_concurrent_activities == 7


@pytest.mark.parametrize("section", ["http", "queues", "blobs", "durableTask", "funchost"])
def test_an_unknown_option_of_a_known_extension_is_noted_once(folder: Folder, section: str):
    (note,) = folder.host(extension(section, '{"speling": 1}')).notes()
    assert note == (
        f"{folder.path / 'host.json'}:2: extensions.{section}.speling is not a known option and has no effect"
    )


def test_everything_else_that_is_unknown_is_kept_silently(folder: Folder):
    text = '{"version": "2.0", "mine": {"a": 1}, "extensions": {"kafka": {"b": 2}}, "extensionBundle": {"id": "x"}}'
    settings = folder.host(text).read()
    assert folder.notes() == []
    assert settings.host_json["mine"] == {"a": 1}
    assert settings.host_json["extensions"]["kafka"] == {"b": 2}


def test_log_levels_are_read_by_category(folder: Folder):
    text = '{"version": "2.0", "logging": {"logLevel": {"Default": "debug", "Function.Hello": "None"}}}'
    assert folder.host(text).read().logging.levels == {"default": "Debug", "Function.Hello": "None"}


def test_a_default_retry_policy_is_read(folder: Folder):
    text = (
        '{"version": "2.0", "retry": {"strategy": "exponentialBackoff", "maxRetryCount": -1, '
        '"minimumInterval": "00:00:02", "maximumInterval": "00:15:00"}}'
    )
    retry = folder.host(text).read().retry
    assert retry is not None
    assert (retry.strategy, retry.max_retry_count) == ("exponentialBackoff", -1)
    assert (retry.delay, retry.maximum) == (timedelta(seconds=2), timedelta(minutes=15))


@pytest.mark.parametrize(("age", "days"), [('"10"', 10), ("10", 10), ('"1.00:00:00"', 1)])
def test_hsts_is_read_when_it_is_enabled(folder: Folder, age: str, days: int):
    folder.host(extension("http", f'{{"hsts": {{"isEnabled": true, "maxAge": {age}, "preload": true}}}}'))
    assert folder.read().http.hsts == Hsts(timedelta(days=days), preload=True)
    folder.host(extension("http", f'{{"hsts": {{"isEnabled": false, "maxAge": {age}}}}}'))
    assert folder.read().http.hsts is None


def test_the_order_of_routes_can_be_chosen(folder: Folder):
    assert folder.host(extension("funchost", '{"routeOrder": "Specific"}')).read().http.route_order == "specific"
    assert folder.host(extension("http", '{"funchostRouteOrder": "specific"}')).read().http.route_order == "specific"
    assert folder.host(extension("http", "{}")).read().http.route_order == "name"


def test_a_mistake_is_told_once(folder: Folder):
    (line,) = folder.host(extension("funchost", '{"routeOrder": "best"}')).mistakes()
    assert 'extensions.funchost.routeOrder is "best"; expected one of "name", "specific"' in line
