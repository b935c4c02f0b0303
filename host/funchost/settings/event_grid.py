"""``notifications.eventGrid``: where the lives of orchestrations are told, and with which key."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from funchost.settings.reader import Reader
from funchost.settings.values import EventGridSettings

__all__ = ["event_grid_settings"]

_SECTION = ("extensions", "durableTask", "notifications", "eventGrid")
_GROUP = "notifications.eventGrid."
# Only the whole text: a URL may hold percent signs of its own.
_REFERENCE = re.compile(r"%([^%]+)%")


def event_grid_settings(
    reader: Reader, options: Mapping[str, Any], setting: Callable[[str], str | None]
) -> EventGridSettings | None:
    """None: without an endpoint the feature is off. ``options`` are those of ``extensions.durableTask``.

    The key itself never stands in host.json: ``keySettingName`` names the app setting that holds it.
    """
    given = {name.removeprefix(_GROUP): value for name, value in options.items() if name.startswith(_GROUP)}
    endpoint = _endpoint(reader, given["topicEndpoint"] or "", setting)
    if not endpoint:
        if given["keySettingName"]:
            reader.notes.append(
                f"{reader.host.where(_SECTION)}: notifications.eventGrid has no topicEndpoint: nobody is notified"
            )
        return None
    return EventGridSettings(
        topic_endpoint=endpoint,
        key=_key(reader, given["keySettingName"], setting),
        event_types=frozenset(given["publishEventTypes"]),
        retry_count=given["publishRetryCount"],
        retry_interval=given["publishRetryInterval"],
        retry_statuses=frozenset(given["publishRetryHttpStatus"]),
    )


def _endpoint(reader: Reader, given: str, setting: Callable[[str], str | None]) -> str:
    """With ``%SETTING%`` looked up; empty when there is none, or a mistake."""
    keys = (*_SECTION, "topicEndpoint")
    endpoint = given
    if match := _REFERENCE.fullmatch(given):
        endpoint = setting(match[1]) or ""
        if not endpoint:
            reader.mistake(keys, f"refers to the setting {match[1]}, which is not set; set it in local.settings.json")
    if endpoint and not _is_http_url(endpoint):
        reader.mistake(keys, f'is "{endpoint}"; expected the http or https URL of a topic')
        return ""
    return endpoint


def _key(reader: Reader, name: str | None, setting: Callable[[str], str | None]) -> str:
    keys = (*_SECTION, "keySettingName")
    if not name:
        reader.mistake(keys, "is missing; it names the app setting that holds the key of the topic")
        return ""
    key = setting(name)
    if key is None:
        reader.mistake(keys, f"names the app setting {name}, which is not set; put the key of the topic there")
    return key or ""


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname)
    except ValueError:
        return False
