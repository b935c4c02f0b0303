import pytest

from funchost.cli.arguments import parse
from funchost.errors import ConfigError


def test_options_become_flags_by_the_names_that_settings_know():
    options = parse(["start", "-p", "8080", "--cors", "http://a,http://b", "--functions", "One", "Two", "--verbose"])
    assert options is not None
    given = {name: value for name, value in options.flags.items() if value is not None}
    assert given == {"port": "8080", "cors": "http://a,http://b", "functions": ["One", "Two"], "verbose": True}


def test_what_is_not_given_decides_nothing():
    options = parse(["start"])
    assert options is not None
    assert set(options.flags.values()) == {None}
    assert options.reload
    assert options.load_timeout_s == 20


def test_the_longer_form_of_the_reference_command_line_is_understood():
    options = parse(["host", "start", "--no-reload"])
    assert options is not None
    assert not options.reload


def test_the_folder_has_two_names():
    for name in ("--script-root", "--prefix"):
        options = parse(["start", name, "app"])
        assert options is not None
        assert options.script_root == "app"


def test_options_without_effect_are_remembered():
    options = parse(["start", "--enableAuth", "--language-worker=-m debugpy"])
    assert options is not None
    assert options.without_effect == ("--language-worker", "--enableAuth")


@pytest.mark.parametrize(
    "words", [["dance"], ["start", "--por", "1"], ["start", "--timeout", "-1"], ["start", "extra"]]
)
def test_mistakes_are_told_with_the_way_to_the_help(words: list[str]):
    with pytest.raises(ConfigError, match=r"See funchost.* --help\."):
        parse(words)


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]):
    assert parse([]) is None
    assert "start" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_time_that_is_no_number_of_seconds_is_refused_in_words(text: str):
    with pytest.raises(ConfigError, match=f"'{text}' is no number of seconds; give 0 or more"):
        parse(["start", f"--timeout={text}"])
