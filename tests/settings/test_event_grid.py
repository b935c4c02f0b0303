"""``notifications.eventGrid``: whom to tell of the lives of orchestrations."""

import json
from datetime import timedelta
from typing import Any

import pytest

from funchost.settings import EventGridSettings
from settings.folder import Folder

TOPIC = "https://topic.westeurope-1.eventgrid.azure.net/api/events"
ENVIRON = {"TopicKey": "hush"}


def told(folder: Folder, **options: Any) -> Folder:
    given = {"topicEndpoint": TOPIC, "keySettingName": "TopicKey", **options}
    durable = {"notifications": {"eventGrid": {name: value for name, value in given.items() if value is not None}}}
    return folder.host(json.dumps({"version": "2.0", "extensions": {"durableTask": durable}}))


def test_without_a_topic_nobody_is_told(host: Folder):
    assert host.read().durable.notifications is None


def test_a_topic_and_the_setting_of_its_key_are_enough(folder: Folder):
    notifications = told(folder).read(ENVIRON).durable.notifications
    assert notifications == EventGridSettings(TOPIC, "hush")
    assert "hush" not in repr(notifications)


def test_all_options_are_read(folder: Folder):
    told(
        folder,
        publishEventTypes=["started", "Failed"],
        publishRetryCount=3,
        publishRetryInterval="00:00:30",
        publishRetryHttpStatus=[400, 429],
    )
    assert folder.read(ENVIRON).durable.notifications == EventGridSettings(
        TOPIC, "hush", frozenset({"Started", "Failed"}), 3, timedelta(seconds=30), frozenset({400, 429})
    )


def test_the_endpoint_may_come_from_a_setting(folder: Folder):
    told(folder, topicEndpoint="%Topic%")
    settings = folder.read({**ENVIRON, "Topic": "http://localhost:9/a%20b"})
    assert settings.durable.notifications is not None
    assert settings.durable.notifications.topic_endpoint == "http://localhost:9/a%20b"
    assert "refers to the setting Topic, which is not set" in folder.mistakes(ENVIRON)[0]


@pytest.mark.parametrize("key", [None, ""])
def test_a_topic_without_the_name_of_its_key_is_refused(folder: Folder, key: str | None):
    (line,) = told(folder, keySettingName=key).mistakes(ENVIRON)
    assert "notifications.eventGrid.keySettingName is missing" in line


def test_a_key_that_is_not_set_is_asked_for_by_name(folder: Folder):
    (line,) = told(folder).mistakes()
    assert "keySettingName names the app setting TopicKey, which is not set" in line


@pytest.mark.parametrize("endpoint", ["topic.example", "ftp://topic.example/", "https://", "http://[::1"])
def test_an_endpoint_that_is_no_url_is_refused(folder: Folder, endpoint: str):
    (line,) = told(folder, topicEndpoint=endpoint).mistakes(ENVIRON)
    assert "expected the http or https URL of a topic" in line


@pytest.mark.parametrize(
    ("option", "bad"),
    [
        ("publishRetryCount", -1),
        ("publishRetryInterval", "01:00:01"),
        ("publishRetryInterval", "00:00:00"),
        ("publishRetryHttpStatus", [99]),
        ("publishRetryHttpStatus", "503"),
        ("publishEventTypes", ["Pending"]),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(folder: Folder, option: str, bad: object):
    (line,) = told(folder, **{option: bad}).mistakes(ENVIRON)
    assert f"notifications.eventGrid.{option}" in line


def test_an_unknown_event_type_is_refused_with_the_documented_words(folder: Folder):
    (line,) = told(folder, publishEventTypes=["Started", "Canceled"]).mistakes(ENVIRON)
    assert (
        "Failed to start lifecycle notification feature. Unsupported event types detected in "
        "'EventGridPublishEventTypes'." in line
    )


def test_a_key_without_a_topic_is_noted(folder: Folder):
    (note,) = told(folder, topicEndpoint=None).notes(ENVIRON)
    assert "nobody is notified" in note
