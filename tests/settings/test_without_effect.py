"""Options that this release does not act on: named at the start when an app sets one."""

import json
from typing import Any

import pytest

from settings.folder import Folder


def extension(folder: Folder, name: str, **options: Any) -> Folder:
    return folder.host(json.dumps({"version": "2.0", "extensions": {name: options}}))


def noted(folder: Folder) -> list[str]:
    """The notes, without the file that each begins with."""
    start = f"{folder.path / 'host.json'}: "
    assert all(note.startswith(start) for note in folder.notes())
    return [note.removeprefix(start) for note in folder.notes()]


def test_options_of_azure_storage_are_named_in_one_line(folder: Folder):
    extension(folder, "durableTask", storageProvider={"partitionCount": 8}, useAppLease=False)
    assert noted(folder) == [
        "extensions.durableTask: useAppLease, storageProvider.partitionCount have no effect on the embedded store, "
        "only with --storage azure, which this release does not have"
    ]


def test_each_reason_has_a_line_of_its_own(folder: Folder):
    extension(
        folder,
        "durableTask",
        tracing={"traceReplayEvents": True},
        rollbackEntityOperationsOnExceptions=False,
        maxGrpcMessageSizeInBytes=5,
    )
    assert sorted(noted(folder)) == [
        "extensions.durableTask: rollbackEntityOperationsOnExceptions, maxGrpcMessageSizeInBytes have no effect on "
        "functions in Python",
        "extensions.durableTask: tracing.traceReplayEvents has no effect in this release",
    ]


def test_an_option_at_its_default_is_not_worth_a_line(folder: Folder):
    storage = {"partitionCount": 4, "controlQueueBufferThreshold": None, "maxQueuePollingInterval": "00:00:30"}
    extension(folder, "DurableTask", USEAPPLEASE=True, storageProvider=storage)
    assert noted(folder) == []


def test_options_that_have_an_effect_are_not_named(folder: Folder):
    extension(folder, "durableTask", useGracefulShutdown=True, maxEntityOperationBatchSize=50)
    assert noted(folder) == []


@pytest.mark.parametrize(
    ("section", "options", "line"),
    [
        ("http", {"dynamicThrottlesEnabled": True}, "extensions.http: dynamicThrottlesEnabled has"),
        ("queues", {"batchSize": 1, "maxDequeueCount": 2}, "extensions.queues: batchSize, maxDequeueCount have"),
        ("blobs", {"poisonBlobThreshold": 1}, "extensions.blobs: poisonBlobThreshold has"),
    ],
)
def test_other_extensions_are_told_of_too(folder: Folder, section: str, options: dict[str, Any], line: str):
    assert noted(extension(folder, section, **options)) == [f"{line} no effect in this release"]


def test_options_outside_the_extensions_are_told_of_too(folder: Folder):
    file = {"version": "2.0", "singleton": {"lockPeriod": "00:00:20"}, "healthMonitor": {"enabled": False}}
    assert noted(folder.host(json.dumps(file))) == [
        "singleton.lockPeriod, healthMonitor.enabled have no effect in this release"
    ]


def test_options_of_a_storage_provider_that_is_ignored_are_not_named(folder: Folder):
    extension(folder, "durableTask", storageProvider={"type": "mssql", "partitionCount": 8})
    (note,) = folder.notes()
    assert "'mssql' is ignored" in note


def test_a_value_out_of_its_bounds_is_one_mistake(folder: Folder):
    (line,) = extension(folder, "queues", batchSize=33).mistakes()
    assert "extensions.queues.batchSize is 33" in line


@pytest.mark.parametrize("name", ["durableTask", "http", "queues", "blobs"])
def test_a_section_of_version_1_is_shown_its_place(folder: Folder, name: str):
    (note,) = folder.host(json.dumps({"version": "2.0", name: {"HubName": "Old"}})).notes()
    assert note.endswith(f"{name} has no effect here; it belongs under extensions.{name}")
