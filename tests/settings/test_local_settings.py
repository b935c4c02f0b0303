"""local.settings.json and the environment around it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from settings.folder import Folder


def local(folder: Folder, **sections: Any) -> Folder:
    return folder.local(json.dumps({"IsEncrypted": False, **sections}))


def test_values_reach_the_app_and_the_host(host: Folder):
    settings = local(host, Values={"Greeting": "hi"}).read()
    assert settings.values["Greeting"] == "hi"
    assert settings.setting("greeting") == "hi"


def test_a_value_of_the_environment_wins_with_a_note(host: Folder):
    local(host, Values={"Greeting": "hi", "Same": "x", "Empty": "y"})
    environ = {"Greeting": "hello", "Same": "x", "Empty": ""}
    settings = host.read(environ)
    assert "Greeting" not in settings.values
    assert settings.setting("Greeting") == "hello"
    assert settings.values["Empty"] == "y"
    (note,) = host.notes(environ)
    assert "Greeting is set in the environment already" in note


def test_values_that_are_no_text_become_text_or_are_skipped_with_a_note(host: Folder):
    local(host, Values={"Port": 5, "On": True, "Null": None, "": "x", "Object": {}})
    settings, notes = host.read(), host.notes()
    assert (settings.values["Port"], settings.values["On"]) == ("5", "true")
    assert not {"Null", "", "Object"} & settings.values.keys()
    assert len(notes) == 3


def test_connection_strings_are_settings_of_their_own_section(host: Folder):
    strings = {"A": "text", "B": {"ConnectionString": "other", "ProviderName": "System.Data.SqlClient"}}
    settings = local(host, ConnectionStrings=strings).read()
    assert settings.values["ConnectionStrings:A"] == "text"
    assert settings.setting("ConnectionStrings__b") == "other"


def test_encrypted_values_are_left_out_with_the_way_to_decrypt_them(host: Folder):
    host.local('{"IsEncrypted": true, "Values": {"A": "CfDJ8"}}')
    assert "A" not in host.read().values
    assert "decrypt" in host.notes()[0]


def test_a_missing_mark_of_encryption_is_noted_and_the_values_are_taken(host: Folder):
    host.local('{"Values": {"A": "plain"}}')
    assert host.read().values["A"] == "plain"
    assert '"IsEncrypted": false is missing' in host.notes()[0]


def test_a_file_that_does_not_parse_is_empty_with_a_note_of_line_and_column(host: Folder):
    host.local('{\n "Values": {\n}')
    assert host.read().port == 7071
    assert host.notes()[0].startswith(f"{host.path / 'local.settings.json'}:3:2: not valid JSON")


def test_key_vault_references_are_passed_on_with_a_note(host: Folder):
    reference = "@Microsoft.KeyVault(SecretUri=https://v/secrets/s)"
    local(host, Values={"Secret": reference})
    assert host.read().values["Secret"] == reference
    assert "key vault" in host.notes()[0]


def test_the_host_section_gives_defaults_that_flags_beat(host: Folder):
    section = {
        "LocalHttpPort": 9000,
        "LocalHttpAddress": "0.0.0.0",
        "CORS": "http://a, http://b/",
        "CORSCredentials": True,
    }
    local(host, Host=section)
    settings = host.read()
    assert (settings.port, settings.address) == (9000, "0.0.0.0")
    assert (settings.cors, settings.cors_credentials) == (("http://a", "http://b"), True)
    flagged = host.read(port=8000, address="127.0.0.1", cors="http://c", cors_credentials=False)
    assert (flagged.port, flagged.address, flagged.cors) == (8000, "127.0.0.1", ("http://c",))
    assert flagged.cors_credentials is True


def test_an_address_that_is_no_ip_address_is_refused(host: Folder):
    assert host.mistakes(address="example.org")[0].startswith("--address is 'example.org'")
    assert host.read(address="localhost").address == "127.0.0.1"


def test_flags_beat_settings_and_settings_beat_defaults(host: Folder):
    assert host.read().storage == "auto"
    assert host.read({"FUNCHOST_STORAGE": "embedded"}).storage == "embedded"
    assert host.read({"FUNCHOST_STORAGE": "embedded"}, storage="azure").storage == "azure"


def test_functions_named_on_the_command_line_beat_the_file(folder: Folder):
    folder.host('{"version": "2.0", "functions": ["a"]}')
    assert folder.read().functions == ("a",)
    assert folder.read(functions=["b", "c"]).functions == ("b", "c")


def test_the_host_sets_what_apps_expect_of_a_local_host(host: Folder):
    values = host.read(port=7100).values
    assert values == {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsScriptRoot": str(host.path),
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "FUNCTIONS_WORKER_RUNTIME_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
        "PYTHON_ENABLE_DEBUG_LOGGING": "1",
        "WEBSITE_HOSTNAME": "localhost:7100",
    }


def test_another_stage_or_runtime_is_noted(host: Folder):
    notes = host.notes({"AZURE_FUNCTIONS_ENVIRONMENT": "Production", "FUNCTIONS_WORKER_RUNTIME": "node"})
    assert "'Production'" in notes[0]
    assert "'node'" in notes[1]


def test_the_body_limit_is_a_number_of_bytes(host: Folder):
    assert host.read({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "10"}).http.body_limit_bytes == 10
    assert "number of bytes" in host.mistakes({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1 MB"})[0]


def test_the_data_folder_is_in_the_app_unless_it_is_moved(host: Folder, tmp_path: Path):
    assert host.read().data_dir == host.path / ".funchost"
    assert host.read(data_dir=tmp_path / "elsewhere").data_dir == tmp_path / "elsewhere"


def test_secrets_do_not_show_in_the_text_of_settings(host: Folder):
    local(host, Values={"Key": "hush"})
    assert "hush" not in repr(host.read())


@pytest.mark.parametrize("name", ["A__B", "a:b", "A:B"])
def test_settings_are_found_in_any_spelling(host: Folder, name: str):
    assert host.read({"A__b": "x"}).setting(name) == "x"
