"""The name of the task hub: letters and digits, because storage names derive from it."""

import re
from collections.abc import Callable

__all__ = ["resolve_hub_name"]

_VALID = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")
_REFERENCE = re.compile(r"%([^%]*)%")
_LONGEST = 45
_SHORTEST = 3


def resolve_hub_name(configured: str | None, setting: Callable[[str], str | None]) -> str:
    """``hubName`` with its ``%SETTING%`` resolved, or the default when it is None. Raises ValueError.

    The default is the site's name made valid, and ``TestHubName`` on a machine that is no site. A
    deployment slot must set its hub: with the default it would share the production hub.
    """
    if configured is not None:
        return _checked(_REFERENCE.sub(lambda match: _looked_up(match[1], setting), configured))
    slot = setting("WEBSITE_SLOT_NAME")
    if slot and slot.lower() != "production":
        raise ValueError(
            f'hubName is missing; on the deployment slot "{slot}" it must be set, '
            "or the slot would work on the production hub"
        )
    site = setting("WEBSITE_SITE_NAME")
    return _sanitised(site) if site else "TestHubName"


def _looked_up(name: str, setting: Callable[[str], str | None]) -> str:
    value = setting(name)
    if value is None:
        raise ValueError(f"hubName refers to the setting {name}, which is not set; set it in local.settings.json")
    return value


def _checked(name: str) -> str:
    if not name:
        raise ValueError("hubName is empty; give it a name or remove it")
    if _VALID.fullmatch(name) is None:
        raise ValueError(
            f"Task hub name '{name}' should contain only alphanumeric characters, start with a letter, "
            f"and have length between {_SHORTEST} and {_LONGEST}."
        )
    return name


def _sanitised(site: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "", site)
    if not name:
        return "DefaultTaskHub"
    if name[0].isdigit():
        name = "t" + name
    name = name[:_LONGEST]
    return name if len(name) >= _SHORTEST else name + "Hub"
