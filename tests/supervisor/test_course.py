from hypothesis import given
from hypothesis import strategies as st

from funchost.supervisor.course import (
    Changed,
    Course,
    End,
    Ended,
    Happening,
    Interrupted,
    Kill,
    Order,
    Overdue,
    Reported,
    Say,
    Spawn,
    Step,
)
from funchost.supervisor.protocol import Failed, Loaded, Serve, Serving, Stop


class Parent:
    """Feeds a course and remembers what it asked for."""

    def __init__(self) -> None:
        self.course = Course(load_timeout_s=20, drain_s=10)
        self.now = 0.0
        self.steps: list[Step] = self.course.begin(0)

    def on(self, happening: Happening, *, after: float = 0) -> list[Step]:
        self.now += after
        self.steps = [step for step in self.course.on(happening, self.now) if not isinstance(step, Say)]
        return self.steps

    def serve(self, worker: int) -> None:
        self.on(Reported(worker, Loaded()))
        self.on(Reported(worker, Serving()))


def test_a_worker_that_has_loaded_is_told_to_serve():
    parent = Parent()
    assert parent.steps == [Spawn(1)]
    assert parent.on(Reported(1, Loaded())) == [Order(1, Serve())]


def test_an_app_that_does_not_load_at_first_ends_the_command_with_2():
    parent = Parent()
    assert parent.on(Reported(1, Failed("no such module"))) == [End(2)]


def test_the_old_worker_drains_when_the_new_one_has_loaded_and_not_before():
    parent = Parent()
    parent.serve(1)
    assert parent.on(Changed(("function_app.py",))) == [Spawn(2)]
    steps = parent.on(Reported(2, Loaded()))
    assert [type(step) for step in steps] == [Order, Order]
    assert isinstance(steps[0], Order)
    assert isinstance(steps[0].order, Stop)
    assert steps[0].worker == 1
    assert steps[1] == Order(2, Serve(again=True))


def test_a_mistake_in_an_edit_leaves_the_old_worker_alone():
    parent = Parent()
    parent.serve(1)
    parent.on(Changed(("function_app.py",)))
    assert parent.on(Reported(2, Failed("SyntaxError"))) == []
    assert parent.on(Ended(2, 2)) == []
    assert parent.on(Changed(("function_app.py",))) == [Spawn(3)]


def test_a_second_edit_replaces_the_worker_that_is_still_loading():
    parent = Parent()
    parent.serve(1)
    parent.on(Changed(("a.py",)))
    assert parent.on(Changed(("b.py",))) == [Kill(2), Spawn(3)]
    assert parent.on(Reported(2, Loaded())) == []


def test_a_worker_that_dies_is_replaced_until_it_dies_too_often():
    parent = Parent()
    worker = 1
    for _ in range(3):
        parent.serve(worker)
        assert parent.on(Ended(worker, -9)) == [Spawn(worker + 1)]
        worker += 1
    parent.serve(worker)
    assert parent.on(Ended(worker, -9)) == [End(1)]


def test_crashes_long_ago_do_not_count():
    parent = Parent()
    for worker in range(1, 10):
        parent.serve(worker)
        assert parent.on(Ended(worker, 1), after=1000) == [Spawn(worker + 1)]


def test_a_new_worker_that_cannot_serve_waits_for_the_next_edit():
    parent = Parent()
    parent.serve(1)
    parent.on(Changed(("a.py",)))
    parent.on(Reported(2, Loaded()))
    parent.on(Ended(1, 0))
    assert parent.on(Reported(2, Failed("the disk is full"))) == []
    assert parent.on(Ended(2, 2)) == []
    assert parent.on(Changed(("a.py",))) == [Spawn(3)]


def test_the_first_interrupt_drains_and_ends_with_0():
    parent = Parent()
    parent.serve(1)
    assert parent.on(Interrupted()) == [Order(1, Stop())]
    assert parent.on(Changed(("a.py",))) == []
    assert parent.on(Ended(1, 0)) == [End(0)]


def test_the_second_interrupt_kills():
    parent = Parent()
    parent.serve(1)
    parent.on(Interrupted())
    assert parent.on(Interrupted(), after=1) == [Kill(1), End(130)]


def test_an_interrupt_that_arrives_twice_is_one():
    parent = Parent()
    parent.serve(1)
    assert parent.on(Interrupted()) == [Order(1, Stop())]
    assert parent.on(Interrupted(), after=0.01) == []
    assert parent.on(Interrupted(), after=1) == [Kill(1), End(130)]


def test_an_interrupt_while_loading_ends_with_0():
    parent = Parent()
    assert parent.on(Interrupted()) == [Kill(1)]
    assert parent.on(Ended(1, -9)) == [End(0)]


def test_a_worker_that_does_not_stop_in_time_is_killed():
    parent = Parent()
    parent.serve(1)
    parent.on(Interrupted())
    assert parent.course.deadline() == 13
    assert parent.on(Overdue(), after=13) == [Kill(1)]
    assert parent.on(Ended(1, -9)) == [End(0)]


def test_an_app_that_never_loads_ends_the_command_at_first_and_only_its_worker_later():
    parent = Parent()
    assert parent.on(Overdue(), after=20) == [Kill(1), End(2)]
    later = Parent()
    later.serve(1)
    later.on(Changed(("a.py",)))
    assert later.on(Overdue(), after=20) == [Kill(2)]
    assert later.course.deadline() is None


HAPPENINGS = st.one_of(
    st.builds(Changed, st.just(("a.py",))),
    st.builds(Reported, st.integers(1, 6), st.sampled_from([Loaded(), Serving(), Failed("no")])),
    st.builds(Ended, st.integers(1, 6), st.sampled_from([0, 1, -9])),
    st.just(Interrupted()),
    st.just(Overdue()),
)


@given(st.lists(HAPPENINGS, max_size=30))
def test_whatever_happens_at_most_one_worker_serves_and_none_is_started_twice(happenings: list[Happening]):
    course, now = Course(load_timeout_s=20, drain_s=10), 0.0
    spawned: list[int] = []
    serving: set[int] = set()
    pending = course.begin(now)
    for happening in happenings:
        for step in pending:
            match step:
                case Spawn():
                    spawned.append(step.worker)
                case Order(worker, Serve()):
                    serving.add(worker)
                case Order(worker, _) | Kill(worker):
                    serving.discard(worker)
                case End():
                    return
                case _:
                    pass
        if isinstance(happening, Ended):
            serving.discard(happening.worker)
        if isinstance(happening, Reported) and isinstance(happening.report, Failed):
            serving.discard(happening.worker)
        assert len(serving) <= 1
        assert spawned == sorted(set(spawned))
        now += 1
        pending = course.on(happening, now)
