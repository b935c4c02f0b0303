"""What a topic is told, to the letter."""

import json
import uuid
from typing import Any

from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant, parse
from funchost.notifications.notification import Notification, event_body

AT = parse("2024-05-01T10:00:00.1234567Z")


def event(status: RuntimeStatus, reason: str = "", at: Instant = AT) -> dict[str, Any]:
    (one,) = json.loads(event_body(Notification("MyHub", "Hello", InstanceId("a1b2"), status, reason, at)))
    return one


def test_an_event_has_the_documented_members_in_their_order():
    body = event(RuntimeStatus.RUNNING)
    assert str(uuid.UUID(body["id"])) == body["id"]
    assert list(body.items())[1:] == [
        ("topic", None),
        ("subject", "durable/orchestrator/Running"),
        (
            "data",
            {
                "hubName": "MyHub",
                "functionName": "Hello",
                "instanceId": "a1b2",
                "reason": "",
                "runtimeStatus": "Running",
            },
        ),
        ("eventType", "orchestratorEvent"),
        ("eventTime", "2024-05-01T10:00:00.1234567Z"),
        ("metadataVersion", None),
        ("dataVersion", "1.0"),
    ]


def test_a_time_has_seven_digits_also_when_they_are_zeros():
    assert (
        event(RuntimeStatus.RUNNING, at=parse("2024-05-01T10:00:00.5Z"))["eventTime"] == "2024-05-01T10:00:00.5000000Z"
    )
    assert event(RuntimeStatus.RUNNING, at=parse("2024-05-01T10:00:00Z"))["eventTime"] == "2024-05-01T10:00:00.0000000Z"


def test_a_failure_has_its_reason():
    body = event(RuntimeStatus.FAILED, "it broke: ø")
    assert body["subject"] == "durable/orchestrator/Failed"
    assert (body["data"]["reason"], body["data"]["runtimeStatus"]) == ("it broke: ø", "Failed")


def test_every_event_has_an_id_of_its_own():
    assert event(RuntimeStatus.RUNNING)["id"] != event(RuntimeStatus.RUNNING)["id"]
