"""Durable timers: when they fire, what cancelling does, what keeps an instance open."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from durable.driver import INSTANCE, elapse, play, result_of, settle
from durable.world import START, World
from funchost.durable.events import TimerCreated, TimerFired
from funchost.durable.status import RuntimeStatus
from funchost.instant import Instant, parse


def echo(value: Any) -> Any:
    return value


def fire_times(*moments: Any) -> list[int]:
    def main(context: Any) -> Any:
        yield context.task_all([context.create_timer(moment) for moment in moments])

    return [event.fire_at for event in play(main).of(TimerCreated)]


def test_a_timer_completes_with_none_when_its_time_has_come():
    def main(context: Any) -> Any:
        result = yield context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
        return [result, context.current_utc_datetime.isoformat()]

    assert result_of(main) == [None, "2024-01-01T00:05:00+00:00"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 5, 1, 12, tzinfo=UTC),
        datetime(2024, 5, 1, 12),
        datetime(2024, 5, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2024, 5, 1, 4, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
def test_an_aware_time_is_converted_and_a_naive_one_is_utc(moment: datetime):
    assert fire_times(moment) == [parse("2024-05-01T12:00:00Z")]


def test_a_length_of_time_counts_from_now():
    assert fire_times(timedelta(minutes=5)) == [parse("2024-01-01T00:05:00Z")]


def test_a_date_is_its_midnight_in_utc():
    assert fire_times(date(2024, 5, 1)) == [parse("2024-05-01T00:00:00Z")]


@pytest.mark.parametrize("moment", [None, "2024-01-01", 5])
def test_anything_else_is_a_value_error_in_user_code(moment: Any):
    def main(context: Any) -> Any:
        try:
            context.create_timer(moment)
        except ValueError as exc:
            return str(exc)
        yield

    assert result_of(main) == f"fireAt: Expected valid datetime object but got {moment!r}"


@pytest.mark.parametrize(
    "moment",
    [
        timedelta(days=4_000_000),
        timedelta.max,
        timedelta(days=-900_000),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_time_that_no_calendar_holds_is_refused_where_it_is_given(moment: Any):
    def main(context: Any) -> Any:
        with pytest.raises(ValueError, match=r"^fireAt: the time is outside the years 1 to 9999 in UTC: "):
            context.create_timer(moment)
        return "caught"
        yield

    assert result_of(main) == "caught"


def test_the_last_moment_of_the_calendar_is_a_time():
    assert fire_times(datetime.max) == [parse("9999-12-31T23:59:59.999999Z")]


def test_a_timer_in_the_past_fires_at_once():
    def main(context: Any) -> Any:
        yield context.create_timer(datetime(2000, 1, 1, tzinfo=UTC))
        return context.current_utc_datetime.isoformat()

    assert result_of(main) == "2024-01-01T00:00:00.001000+00:00"


def test_a_timer_of_a_year_is_one_timer():
    def main(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(days=365))

    assert len(play(main).of(TimerFired)) == 1


def a_race(context: Any) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([context.call_activity("echo", 1), timer])
    if winner is not timer:
        timer.cancel()
    return [timer.is_cancelled, timer.is_completed, timer.result]


def test_a_cancelled_timer_does_not_keep_the_instance_open():
    played = play(a_race, activities={"echo": echo})
    assert played.output == [True, False, None]
    assert played.world.now < START + 10_000_000
    assert played.hosted.episodes[-1].outcome.cancelled_timers == (1,)


def test_a_timer_that_is_not_cancelled_keeps_the_instance_open():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        yield context.task_any([context.call_activity("echo", 1), timer])
        return "done"

    played = play(main, activities={"echo": echo})
    assert played.output == "done"
    assert played.words[-2:] == ["TimerFired 1", "ExecutionCompleted 2 Completed"]


def test_the_late_firing_of_a_cancelled_timer_is_ignored():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        yield context.task_any([context.call_activity("echo", 1), timer])
        timer.cancel()
        yield context.create_timer(context.current_utc_datetime + timedelta(hours=2))
        return timer.is_completed

    def fires_all_the_same(world: World) -> None:
        world.post(INSTANCE, TimerFired(timestamp=world.now, timer_id=1, fire_at=Instant(0)))

    assert result_of(main, settle, fires_all_the_same, settle, activities={"echo": echo}) is False


def test_a_timer_cancelled_in_the_batch_that_made_it_is_recorded_and_never_set():
    def main(context: Any) -> Any:
        a, b = context.call_activity("echo", 1), context.call_activity("echo", 2)
        yield context.task_any([a, b])
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        yield context.task_any([timer, b])
        timer.cancel()
        return "done"

    played = play(main, activities={"echo": echo})
    assert played.output == "done"
    assert "TimerCreated 2 01:00:00.001Z" in played.words
    assert [send.event for advance in played.hosted.episodes for send in advance.outcome.sends] == []


def test_a_timer_cancelled_before_it_is_yielded_is_recorded_and_never_set():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        timer.cancel()
        yield context.task_any([timer, context.call_activity("echo", 1)])
        return "done"

    played = play(main, activities={"echo": echo})
    assert played.output == "done"
    assert played.of(TimerFired) == []


def test_a_cancelled_timer_that_is_awaited_never_completes():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        timer.cancel()
        yield timer

    assert play(main).status is RuntimeStatus.RUNNING


def test_a_timer_may_be_cancelled_twice_but_not_after_it_completed():
    def main(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime)
        yield timer
        other = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        yield context.task_any([other, context.call_activity("echo", 1)])
        other.cancel()
        other.cancel()
        try:
            timer.cancel()
        except ValueError as error:
            return str(error)

    assert result_of(main, activities={"echo": echo}) == "Cannot cancel a completed task."


def test_only_timers_can_be_cancelled():
    def main(context: Any) -> Any:
        return [
            hasattr(task, "cancel")
            for task in (context.call_activity("echo"), context.wait_for_external_event("x"), context.task_all([]))
        ]

    assert result_of(main, activities={"echo": echo}) == [False, False, False]


def test_timers_fire_in_the_order_of_their_times():
    def main(context: Any) -> Any:
        timers = [context.create_timer(context.current_utc_datetime + timedelta(seconds=s)) for s in (30, 10, 20)]
        order: list[int] = []
        waiting = list(timers)
        while waiting:
            winner = yield context.task_any(waiting)
            waiting.remove(winner)
            order.append(timers.index(winner))
        return order

    assert result_of(main, elapse(60)) == [1, 2, 0]


def test_a_span_of_time_counts_from_the_orchestrator_s_clock():
    def main(context: Any) -> Any:
        yield context.create_timer(timedelta(seconds=5))
        yield context.create_timer(timedelta(0))
        return context.current_utc_datetime.isoformat()

    assert result_of(main) == "2024-01-01T00:00:05.001000+00:00"
