"""What a worker has in memory, fed with the effects of transactions."""

from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import ActivityWork
from funchost.taskhub.sqlite.codec import ActivityReceipt, activity_key
from funchost.taskhub.sqlite.effects import Effects
from funchost.taskhub.sqlite.mailbox import Mailbox
from funchost.taskhub.sqlite.routing import Arrival, Target
from taskhub.acting import events_of, raised

EXECUTION = ExecutionId("e" * 32)


def target(key: int = 1, *, execution: int = 1, fence: int = 1) -> Target:
    return Target(key, InstanceId(f"i{key}"), RuntimeStatus.PENDING, execution, EXECUTION, 0, fence, 7)


def delivered(mailbox: Mailbox, to: Target, *messages: int, fresh: bool = False) -> None:
    effects = Effects()
    for message in messages:
        effects.deliver(to, Arrival(message, raised(str(message)), None), fresh=fresh)
    mailbox.absorb(effects)


def scheduled(mailbox: Mailbox, execution: int, *tasks: int) -> None:
    effects = Effects()
    for task in tasks:
        receipt = ActivityReceipt(activity_key(execution, task), execution)
        effects.activities.append(ActivityWork(InstanceId("i"), EXECUTION, task, "Act", None, receipt))
    mailbox.absorb(effects)


def test_a_message_that_is_delivered_twice_comes_once() -> None:
    mailbox = Mailbox()
    delivered(mailbox, target(), 1, 2, fresh=True)
    delivered(mailbox, target(), 2, 3)
    (episode,) = mailbox.take(episodes=5, activities=5).warm
    assert events_of(episode) == [raised("1"), raised("2"), raised("3")]
    delivered(mailbox, target(), 1, 2, 3)
    assert not mailbox.take(episodes=5, activities=5)


def test_what_was_put_back_comes_again_as_it_was() -> None:
    mailbox = Mailbox()
    delivered(mailbox, target(1), 1, fresh=True)
    delivered(mailbox, target(2), 2)
    handout = mailbox.take(episodes=5, activities=5)
    assert (len(handout.warm), len(handout.cold)) == (1, 1)
    mailbox.put_back(handout)
    again = mailbox.take(episodes=5, activities=5)
    assert again.warm == handout.warm
    assert [resident.id for resident in again.cold] == ["i2"]


def test_a_held_session_comes_without_its_past() -> None:
    mailbox = Mailbox()
    delivered(mailbox, target(), 1, fresh=True)
    (first,) = mailbox.take(episodes=1, activities=0).warm
    mailbox.abandon(first, 0.0)
    (cold,) = mailbox.take(episodes=1, activities=0).cold
    assert cold.attempt == 2
    assert cold.held


def test_a_claim_of_another_run_revokes_the_session() -> None:
    mailbox = Mailbox()
    delivered(mailbox, target(), 1, fresh=True)
    mailbox.take(episodes=1, activities=0)
    delivered(mailbox, target(execution=2, fence=2), 2, fresh=True)
    handout = mailbox.take(episodes=1, activities=0)
    assert [revoked.instance for revoked in handout.revoked] == ["i1"]
    assert events_of(handout.warm[0]) == [raised("2")]


def test_activities_are_taken_in_turns_over_executions() -> None:
    mailbox = Mailbox()
    scheduled(mailbox, 1, 0, 1, 2)
    scheduled(mailbox, 2, 0)
    taken = mailbox.take(episodes=0, activities=3).activities
    assert [work.receipt for work in taken] == [
        ActivityReceipt(activity_key(1, 0), 1),
        ActivityReceipt(activity_key(2, 0), 2),
        ActivityReceipt(activity_key(1, 1), 1),
    ]
