"""Posting to a topic over HTTP."""

import socket
import threading

import pytest

from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.instant import Instant
from funchost.notifications import EventGridTopic
from funchost.notifications.notification import Notification, event_body
from funchost.notifications.topic import NotTaken
from funchost.settings import EventGridSettings
from notifications.receiver import Receiver, receiving

BODY = event_body(Notification("Hub", "flow", InstanceId("a"), RuntimeStatus.RUNNING, "", Instant(0)))


def settings(url: str, *retry_statuses: int) -> EventGridSettings:
    return EventGridSettings(url, "hush", retry_statuses=frozenset(retry_statuses))


async def refusal(receiver: Receiver, *retry_statuses: int) -> NotTaken:
    async with EventGridTopic(settings(receiver.url, *retry_statuses)) as topic:
        with pytest.raises(NotTaken) as caught:
            await topic.post(BODY)
    return caught.value


async def test_an_event_is_posted_with_the_key_as_json():
    with receiving() as receiver:
        async with EventGridTopic(settings(receiver.url)) as topic:
            await topic.post(BODY)
        (post,) = receiver.posts
    assert post.headers["aeg-sas-key"] == "hush"
    assert post.headers["content-type"] == "application/json; charset=utf-8"
    assert post.label == "a Running"


@pytest.mark.parametrize(("status", "again"), [(503, True), (429, True), (500, False), (401, False)])
async def test_only_503_and_the_statuses_of_the_settings_are_worth_another_try(status: int, again: bool):
    with receiving(lambda post: status) as receiver:
        problem = await refusal(receiver, 429)
    assert (str(problem), problem.again) == (f"answered with status {status}", again)


async def test_the_key_does_not_follow_a_redirect():
    with receiving(lambda post: 307) as receiver:
        assert str(await refusal(receiver)) == "answered with status 307"
        assert len(receiver.posts) == 1


async def test_a_receiver_that_is_not_there_may_come():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        problem = await refusal(Receiver(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert problem.again
    assert "hush" not in str(problem)


async def test_a_receiver_that_hangs_is_not_waited_for():
    go = threading.Event()
    with receiving(lambda post: 200 if go.wait() else 500) as receiver:
        async with EventGridTopic(settings(receiver.url), timeout_s=0.1) as topic:
            with pytest.raises(NotTaken, match=r"no answer within 0\.1 s") as caught:
                await topic.post(BODY)
        go.set()
    assert caught.value.again
