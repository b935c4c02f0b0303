"""The order between two instances, on a hub that repeats and reorders."""

import msgspec
import pytest

from durable.entities.playing import CALLER, NOW, WINDOW, later, request
from funchost.durable.entities.messages import UNLABELLED, EntityMessageError, Request
from funchost.durable.entities.sorter import Sorter, check, copy_of, drained, in_order, labelled
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

TARGET = "@counter@a"
RUN = ExecutionId("run 1")


def requests(*ops: str, run: ExecutionId = RUN, sorter: Sorter | None = None, at: Instant = NOW) -> list[Request]:
    """Labelled one after the other, all at the same time of the sender's clock."""
    sender = sorter or Sorter()
    return [labelled(sender, request(op, parent_execution=run), TARGET, now=at, window=WINDOW) for op in ops]


def delivered(sorter: Sorter, *arriving: Request) -> list[str | None]:
    return [ready.op for one in arriving for ready in in_order(sorter, one, window=WINDOW)]


# --- sending -----------------------------------------------------------------------------------------


def test_labels_rise_by_at_least_one_tick_and_name_the_one_before():
    first, second = requests("a", "b")
    assert (first.timestamp, first.predecessor) == ("2025-03-01T12:00:00Z", UNLABELLED)
    assert (second.timestamp, second.predecessor) == ("2025-03-01T12:00:00.0000001Z", first.timestamp)


def test_targets_have_sequences_of_their_own_even_if_they_differ_in_case_only():
    sender = Sorter()
    labelled(sender, request("a"), "@counter@A", now=NOW, window=WINDOW)
    other = labelled(sender, request("b"), "@counter@a", now=NOW, window=WINDOW)
    assert other.predecessor == UNLABELLED


def test_a_target_is_forgotten_when_its_label_is_older_than_the_window():
    sender = Sorter()
    requests("a", sorter=sender)
    (second,) = requests("b", sorter=sender, at=later(30 * 60 + 11))
    assert second.predecessor == UNLABELLED
    assert sender.send_horizon == "2025-03-01T12:00:11Z"


def test_a_window_of_nothing_labels_and_stores_nothing():
    sorter = Sorter()
    plain = request("a")
    assert labelled(sorter, plain, TARGET, now=NOW, window=0) is plain
    assert in_order(sorter, requests("a")[0], window=0)[0].op == "a"
    assert sorter == Sorter()


# --- receiving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 0, 1, 1), (0, 2, 2, 1, 0, 2)])
def test_requests_of_one_sender_are_delivered_once_and_in_order(order: tuple[int, ...]):
    sent = requests("a", "b", "c")
    assert delivered(Sorter(), *(sent[n] for n in order)) == ["a", "b", "c"]


def test_senders_do_not_wait_for_each_other():
    _, missing = requests("a", "b")
    other = msgspec.structs.replace(requests("x")[0], parent=InstanceId("somebody else"))
    assert delivered(Sorter(), missing, other) == ["x"]


def test_clients_locks_that_were_passed_on_and_requests_without_labels_are_not_sorted():
    _, second = requests("a", "b")
    sorter = Sorter()
    for unsorted in (
        msgspec.structs.replace(second, parent=None),
        msgspec.structs.replace(second, pos=1),
        msgspec.structs.replace(second, timestamp=UNLABELLED, predecessor=UNLABELLED),
    ):
        assert delivered(sorter, unsorted) == ["b"]
    assert sorter == Sorter()


def test_what_waits_for_a_predecessor_beyond_the_window_waits_no_longer():
    sorter = Sorter()
    _, second, third = requests("lost", "b", "c")
    assert delivered(sorter, third, second) == []
    (much_later,) = requests("d", at=later(31 * 60), run=ExecutionId("run 2"))
    assert delivered(sorter, msgspec.structs.replace(much_later, parent=InstanceId("x"))) == ["b", "c", "d"]
    assert list(sorter.received) == ["x"]


def test_a_request_older_than_the_window_is_delivered_as_it_comes():
    sorter = Sorter()
    (old,) = requests("old")
    (new,) = requests("new", at=later(31 * 60))
    assert delivered(sorter, new, old) == ["new", "old"]


def test_a_new_run_of_the_sender_releases_what_the_old_one_left():
    sorter = Sorter()
    _, second = requests("lost", "b")
    (fresh,) = requests("c", run=ExecutionId("run 2"), at=later(1))
    assert delivered(sorter, second, fresh) == ["b", "c"]
    assert sorter.received[CALLER].execution == "run 2"


def test_labels_without_a_zone_are_utc():
    first, second = requests("a", "b")
    first.timestamp = second.predecessor = "2025-03-01T12:00:00"
    sorter = Sorter()
    assert delivered(sorter, second, first, second) == ["a", "b"]
    assert sorter.received[CALLER].last == "2025-03-01T12:00:00.0000001Z"


def test_a_label_that_is_no_time_is_refused_and_changes_nothing():
    sorter = Sorter()
    with pytest.raises(EntityMessageError, match="not a request"):
        in_order(sorter, request("a", timestamp="soon"), window=WINDOW)
    assert sorter == Sorter()


# --- what is stored ----------------------------------------------------------------------------------


def test_a_sorter_that_knows_nothing_is_an_empty_object():
    assert msgspec.json.encode(Sorter()) == b"{}"


def test_both_sides_are_stored_as_the_net_engine_does():
    sorter = Sorter()
    first, second, third = requests("a", "b", "c", sorter=sorter)
    delivered(sorter, first, third)
    text = msgspec.json.encode(sorter)
    assert msgspec.json.decode(text) == {
        "LastSentToInstance": {TARGET: third.timestamp},
        "ReceivedFromInstance": {
            CALLER: {
                "Last": first.timestamp,
                "ExecutionId": RUN,
                "Buffered": {third.timestamp: msgspec.json.decode(third.to_json())},
            }
        },
        "ReceiveHorizon": "2025-03-01T11:30:00Z",
        "SendHorizon": "2025-03-01T11:30:00Z",
    }
    assert delivered(msgspec.json.decode(text, type=Sorter), second) == ["b", "c"]


def test_a_copy_is_apart_from_its_original():
    original = Sorter()
    first, second, third = requests("a", "b", "c", sorter=original)
    delivered(original, third)
    text = msgspec.json.encode(original)
    copy = copy_of(original)
    delivered(copy, first, second)
    requests("d", sorter=copy)
    assert msgspec.json.encode(original) == text


def test_draining_gives_everything_that_waits_in_the_order_of_its_sender():
    sorter = Sorter()
    _, second, third = requests("a", "b", "c")
    delivered(sorter, third, second)
    assert [ready.op for ready in drained(sorter)] == ["b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        '{"ReceiveHorizon":"soon"}',
        '{"SendHorizon":"soon"}',
        '{"LastSentToInstance":{"x":"soon"}}',
        '{"ReceivedFromInstance":{"x":{"Last":"soon"}}}',
        '{"ReceivedFromInstance":{"x":{"Last":"0001-01-01T00:00:00","Buffered":{"soon":{"op":"a","id":"i"}}}}}',
    ],
)
def test_stored_times_that_are_none_are_found_when_they_are_read(text: str):
    with pytest.raises(ValueError, match="soon"):
        check(msgspec.json.decode(text, type=Sorter))
