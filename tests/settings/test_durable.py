"""``extensions.durableTask`` and ``extensions.funchost``."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from funchost.settings import DURABLE_OPTIONS
from settings.folder import Folder


def durable(folder: Folder, **options: Any) -> Folder:
    return folder.host(json.dumps({"version": "2.0", "extensions": {"durableTask": options}}))


def test_defaults_are_the_documented_ones(host: Folder):
    settings = host.read().durable
    assert settings.hub_name == "TestHubName"
    assert settings.connection_name == "AzureWebJobsStorage"
    assert settings.max_orchestration_actions == 100_000
    assert settings.extended_session_idle == timedelta(seconds=30)
    assert settings.max_extended_sessions == 2_000
    assert settings.max_concurrent_entities is None
    assert settings.durability == "full"
    assert settings.options["storageProvider.partitionCount"] == 4


def test_option_names_ignore_case(folder: Folder):
    assert durable(folder, HUBNAME="Other").read().durable.hub_name == "Other"


def test_a_count_that_is_not_positive_is_refused_with_the_documented_words(folder: Folder):
    (line,) = durable(folder, maxConcurrentActivityFunctions=0).mistakes()
    assert "MaxConcurrentActivityFunctions must be a positive integer value." in line


@pytest.mark.parametrize("name", ["a-b", "ab", "1abc", "x" * 46, ""])
def test_a_hub_name_that_no_storage_takes_is_refused(folder: Folder, name: str):
    (line,) = durable(folder, hubName=name).mistakes()
    assert "hub" in line.lower()


def test_a_hub_name_may_come_from_a_setting(folder: Folder):
    durable(folder, hubName="%TaskHub%")
    assert folder.read({"TaskHub": "FromSetting"}).durable.hub_name == "FromSetting"
    assert "TaskHub, which is not set" in folder.mistakes()[0]


def test_a_hub_name_may_come_from_local_settings(folder: Folder):
    durable(folder, hubName="%TaskHub%").local('{"IsEncrypted": false, "Values": {"TaskHub": "Local"}}')
    assert folder.read().durable.hub_name == "Local"


@pytest.mark.parametrize(
    ("site", "hub"),
    [
        ("my-shop.eu", "myshopeu"),
        ("1shop", "t1shop"),
        ("ab", "abHub"),
        ("--", "DefaultTaskHub"),
        ("x" * 60, "x" * 45),
    ],
)
def test_the_default_hub_is_the_site_name_made_valid(host: Folder, site: str, hub: str):
    assert host.read({"WEBSITE_SITE_NAME": site}).durable.hub_name == hub


def test_a_deployment_slot_must_name_its_hub(folder: Folder, host: Folder):
    slot = {"WEBSITE_SITE_NAME": "shop", "WEBSITE_SLOT_NAME": "staging"}
    assert "must be set" in host.mistakes(slot)[0]
    assert host.read({**slot, "WEBSITE_SLOT_NAME": "Production"}).durable.hub_name == "shop"
    assert durable(folder, hubName="Staging").read(slot).durable.hub_name == "Staging"


def test_the_connection_is_known_by_its_old_name_too(folder: Folder):
    durable(folder, storageProvider={"connectionStringName": "Old"})
    assert folder.read().durable.connection_name == "Old"
    durable(folder, storageProvider={"connectionStringName": "Old", "connectionName": "New"})
    assert folder.read().durable.connection_name == "New"


def test_another_storage_provider_is_ignored_with_one_note(folder: Folder):
    durable(folder, storageProvider={"type": "MSSQL", "taskEventLockTimeout": 3, "partitionCount": 400})
    (note,) = folder.notes()
    assert "'MSSQL' is ignored" in note
    assert folder.read().durable.options["storageProvider.partitionCount"] == 4


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("partitionCount", 17),
        ("controlQueueBufferThreshold", 1001),
        ("controlQueueBatchSize", 0),
        ("maxQueuePollingInterval", "00:00:00"),
        ("queueClientMessageEncoding", "UTF16"),
    ],
)
def test_storage_options_keep_their_bounds(folder: Folder, name: str, bad: object):
    (line,) = durable(folder, storageProvider={name: bad}).mistakes()
    assert f"storageProvider.{name}" in line


def test_every_option_has_a_default_that_its_own_kind_would_take():
    for option in DURABLE_OPTIONS:
        if isinstance(option.default, str | bool | int):
            assert option.kind.read(option.default) == option.default


def test_durability_can_be_relaxed(folder: Folder):
    folder.host(json.dumps({"version": "2.0", "extensions": {"funchost": {"durability": "relaxed"}}}))
    assert folder.read().durable.durability == "relaxed"


def test_how_much_is_kept_and_runs_at_once_can_be_set(folder: Folder):
    extensions = {"funchost": {"maxExtendedSessions": 7}, "durableTask": {"maxConcurrentEntityFunctions": 3}}
    folder.host(json.dumps({"version": "2.0", "extensions": extensions}))
    settings = folder.read().durable
    assert (settings.max_extended_sessions, settings.max_concurrent_entities) == (7, 3)


def test_a_host_looks_for_mistakes_while_its_app_runs_as_in_development(host: Folder):
    settings = host.read()
    assert settings.development
    other = {**settings.app_settings, "azure_functions_environment": "Production"}
    assert not replace(settings, app_settings=other).development


def test_the_options_of_entities_are_read(folder: Folder):
    settings = durable(folder, maxEntityOperationBatchSize=50, entityMessageReorderWindowInMinutes=0).read().durable
    assert (settings.max_entity_batch, settings.entity_reorder_window) == (50, timedelta(0))


def test_events_of_the_sdk_can_be_decoded(folder: Folder, host: Folder):
    assert host.read().durable.decode_sdk_events is False
    folder.host(json.dumps({"version": "2.0", "extensions": {"funchost": {"decodeSdkEvents": True}}}))
    assert folder.read().durable.decode_sdk_events is True


def own(folder: Folder, **options: Any) -> Folder:
    return folder.host(json.dumps({"version": "2.0", "extensions": {"funchost": options}}))


def test_instances_are_kept_for_ever_unless_it_is_said_otherwise(host: Folder):
    assert host.read().durable.retention == {}


def test_one_age_is_for_every_way_to_finish(folder: Folder):
    week = timedelta(days=7)
    assert own(folder, retention="7.00:00:00").read().durable.retention == {
        "Completed": week,
        "Failed": week,
        "Terminated": week,
        "Canceled": week,
    }


def test_each_way_to_finish_may_have_its_age(folder: Folder):
    ages = {"completed": "01:00:00", "Failed": "30.00:00:00", "terminated": None}
    assert own(folder, retention=ages).read().durable.retention == {
        "Completed": timedelta(hours=1),
        "Failed": timedelta(days=30),
    }


@pytest.mark.parametrize("bad", ["soon", 7, "00:00:00", {"running": "01:00:00"}, {"failed": "soon"}, ["01:00:00"]])
def test_a_retention_that_cannot_be_understood_is_refused(folder: Folder, bad: object):
    (line,) = own(folder, retention=bad).mistakes()
    assert "retention" in line
    assert "members completed, failed, terminated and canceled" in line


def test_a_retention_is_no_unknown_option(folder: Folder):
    assert own(folder, retention={"failed": "01:00:00"}).notes() == []


def test_strategies_for_versions_are_read(folder: Folder):
    settings = durable(folder, versionMatchStrategy="strict", versionFailureStrategy="FAIL").read().durable
    assert (settings.version_match, settings.fail_other_versions) == ("Strict", True)
    defaults = durable(folder).read().durable
    assert (defaults.version_match, defaults.fail_other_versions) == ("CurrentOrOlder", False)
