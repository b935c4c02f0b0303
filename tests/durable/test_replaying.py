"""``is_replaying`` and the clock: what code sees of being run again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from durable.driver import INSTANCE, play, raised, result_of, settle, together
from durable.world import Mode, Slow, World
from funchost.durable.events import TaskCompleted


def echo(value: Any) -> Any:
    return value


ACTIVITIES = {"echo": echo, "slow": Slow(60, echo)}


class Flags:
    """What ``is_replaying`` said at each named place, run by run."""

    def __init__(self) -> None:
        self.runs: list[dict[str, bool]] = []

    def begin(self, context: Any) -> None:
        self.runs.append({})
        self.note(context, "start")

    def note(self, context: Any, place: str) -> None:
        self.runs[-1][place] = context.is_replaying


def test_code_that_ran_in_an_earlier_episode_is_replaying():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        yield context.call_activity("echo", 1)
        flags.note(context, "first")
        yield context.call_activity("echo", 2)
        flags.note(context, "second")

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert flags.runs == [
        {"start": False},
        {"start": True, "first": False},
        {"start": True, "first": True, "second": False},
    ]


def test_a_kept_generator_is_never_replaying():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        for place in "ab":
            yield context.call_activity("echo", place)
            flags.note(context, place)

    play(main, activities=ACTIVITIES, modes=[Mode.KEPT])
    assert flags.runs == [{"start": False, "a": False, "b": False}]


def test_a_compound_takes_the_flag_of_the_child_that_completed_it():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        fast, slow = context.call_activity("echo", 1), context.call_activity("slow", 2)
        yield context.task_any([fast, slow])
        flags.note(context, "any")
        yield context.task_all([fast, slow])
        flags.note(context, "all")

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert flags.runs == [
        {"start": False},
        {"start": True, "any": False},
        {"start": True, "any": True, "all": False},
    ]


def test_awaiting_an_old_task_again_sets_the_flag_back():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        first = context.call_activity("echo", 1)
        yield first
        yield context.call_activity("echo", 2)
        flags.note(context, "second")
        yield first
        flags.note(context, "first again")

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert flags.runs[-1] == {"start": True, "second": False, "first again": True}


def test_an_old_task_is_old_for_a_kept_generator_too():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        first = context.call_activity("echo", 1)
        yield first
        yield context.call_activity("echo", 2)
        yield first
        flags.note(context, "first again")

    play(main, activities=ACTIVITIES, modes=[Mode.KEPT])
    assert flags.runs == [{"start": False, "first again": True}]


def test_yield_none_in_new_territory_is_not_replaying():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        yield context.call_activity("echo", 1)
        yield None
        flags.note(context, "none")

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert flags.runs[-1] == {"start": True, "none": False}


def test_an_event_that_came_early_is_as_old_as_the_wait_that_took_it():
    flags = Flags()

    def main(context: Any) -> Any:
        flags.begin(context)
        yield context.call_activity("echo", 1)
        yield context.wait_for_external_event("go")
        flags.note(context, "event")
        yield context.call_activity("echo", 2)

    play(main, raised("go"), activities=ACTIVITIES, modes=[Mode.REPLAYED])
    assert [run.get("event") for run in flags.runs] == [None, False, True]


def test_a_function_without_yield_is_not_replaying_when_it_runs_first():
    assert result_of(lambda context: context.is_replaying) is False


def test_the_clock_is_that_of_the_episode_and_stands_still_in_it():
    def main(context: Any) -> Any:
        times = [context.current_utc_datetime]
        yield context.task_all([context.call_activity("slow", 1)])
        times.append(context.current_utc_datetime)
        yield None
        times.append(context.current_utc_datetime)
        assert all(time.tzinfo is UTC for time in times)
        return [time.isoformat() for time in times]

    assert result_of(main, activities=ACTIVITIES) == [
        "2024-01-01T00:00:00+00:00",
        "2024-01-01T00:01:00.001000+00:00",
        "2024-01-01T00:01:00.001000+00:00",
    ]


def test_events_of_one_batch_see_one_time():
    def main(context: Any) -> Any:
        yield context.wait_for_external_event("go")
        first = context.current_utc_datetime
        yield context.wait_for_external_event("go")
        return first == context.current_utc_datetime

    assert result_of(main, settle, together(raised("go"), raised("go"))) is True


def test_the_clock_never_goes_back():
    def main(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
        first = context.current_utc_datetime
        yield context.wait_for_external_event("go")
        return context.current_utc_datetime >= first

    def wind_back(world: World) -> None:
        world.run(until=None)
        world.now = type(world.now)(0)

    assert result_of(main, wind_back, raised("go")) is True


def test_the_clock_can_be_set_and_is_raised_by_later_episodes():
    def main(context: Any) -> Any:
        context.current_utc_datetime = datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC)
        times = [context.current_utc_datetime]
        yield context.call_activity("echo", 1)
        times.append(context.current_utc_datetime)
        yield context.call_activity("slow", 1)
        times.append(context.current_utc_datetime)
        return [time.strftime("%H:%M:%S") for time in times]

    assert result_of(main, activities=ACTIVITIES) == ["00:00:30", "00:00:30", "00:01:00"]


def test_histories_hold_the_whole_run_from_its_start_with_what_just_arrived():
    seen: list[list[int]] = []

    def main(context: Any) -> Any:
        seen.append([event.event_type for event in context.histories])
        yield context.call_activity("echo", 1)
        yield context.call_activity("echo", 2)

    play(main, activities=ACTIVITIES, modes=[Mode.REPLAYED, Mode.KEPT, Mode.RECORDED])
    first, second, third = [12, 0], [12, 0, 4, 13, 12, 5], [12, 0, 4, 13, 12, 5, 4, 13, 12, 5]
    assert seen == [first, second, third] * 3, "code that reads the history is never kept"


def test_histories_count_completions_in_their_order():
    def main(context: Any) -> Any:
        done = [event.Result for event in context.histories if event.event_type == 5]
        for n in range(len(done)):
            yield context.call_activity("echo", f"step {n}")
        if len(done) == 3:
            return done
        yield context.call_activity("echo", f"step {len(done)}")
        return "the history lacked an answer that had arrived"

    assert result_of(main, activities=ACTIVITIES) == ['"step 0"', '"step 1"', '"step 2"']


def test_a_repeated_answer_is_in_the_history_and_has_no_effect():
    def again(world: World) -> None:
        world.post(INSTANCE, TaskCompleted(timestamp=world.now, task_id=0, result='"late"'))

    def main(context: Any) -> Any:
        first = yield context.call_activity("echo", "early")
        yield context.wait_for_external_event("go")
        return [first, sum(event.event_type == 5 for event in context.histories)]

    assert result_of(main, settle, again, settle, raised("go"), activities=ACTIVITIES) == ["early", 2]
