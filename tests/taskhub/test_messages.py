"""The contract of starts, messages, timers and activities outside a commit."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from funchost.clock import SystemClock
from funchost.durable.events import ExecutionStarted, SubOrchestrationInstanceCompleted, TimerFired
from funchost.durable.status import RuntimeStatus
from funchost.errors import InstanceExists
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import ActivityWork, Committed, Lost, Send, TaskHub
from taskhub.acting import (
    activity,
    after,
    answer,
    append,
    commit,
    completed,
    episode,
    events_of,
    finish,
    nothing_comes,
    raised,
    schedule,
    start,
    take_all,
    working,
)
from taskhub.conftest import SqliteHubs

ONE = InstanceId("one")


def in_ms(milliseconds: int) -> Instant:
    return Instant(SystemClock().now() + milliseconds * TICKS_PER_SECOND // 1000)


async def test_a_start_is_refused_while_the_instance_runs(hub: TaskHub) -> None:
    await start(hub)
    with pytest.raises(InstanceExists, match="status Pending already exists"):
        await start(hub)


async def test_of_many_starts_of_one_id_one_succeeds(hub: TaskHub) -> None:
    outcomes = await asyncio.gather(*(start(hub) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InstanceExists) for outcome in outcomes) == 19


async def test_a_finished_instance_can_be_started_again_without_its_old_history(hub: TaskHub) -> None:
    async with working(hub) as worker:
        first = await start(hub, tags={"team": "red"})
        await commit(worker, await episode(worker), finish())
        second = await start(hub, name="Other")
        assert second != first
        there = await hub.read(ONE)
        assert there is not None
        assert (there.status, there.output, there.name, there.tags) == (RuntimeStatus.PENDING, None, "Other", None)
        assert await hub.history(ONE) == []
        assert (await episode(worker)).session.execution == second


async def test_messages_for_unknown_or_finished_instances_are_dropped(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await hub.send(ONE, raised())
        await start(hub)
        await commit(worker, await episode(worker), finish())
        await hub.send(ONE, raised())
        assert await nothing_comes(worker)


async def test_messages_come_in_the_order_they_were_sent(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised()))
        for n in range(20):
            await hub.send(ONE, raised(str(n)))
        names = [getattr(event, "name", None) for event in events_of(await episode(worker))]
        assert names == [str(n) for n in range(20)]


async def test_a_timer_comes_when_it_is_due_and_not_before(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        due = in_ms(200)
        timer = TimerFired(timestamp=due, timer_id=3, fire_at=due)
        send = Send(ONE, timer, due=due, execution=taken.session.execution)
        await commit(worker, taken, append(raised(), sends=[send]))
        assert events_of(await episode(worker)) == [timer]
        assert SystemClock().now() >= due


async def test_a_cancelled_timer_never_comes(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        due = in_ms(100)
        sends = [
            Send(ONE, TimerFired(timestamp=due, timer_id=n, fire_at=due), due=due, execution=taken.session.execution)
            for n in (1, 2)
        ]
        settled = await commit(worker, taken, append(raised(), sends=sends))
        await commit(worker, after(taken, settled), append(raised(), cancelled_timers=[1]))
        assert events_of(await episode(worker)) == [sends[1].event]


async def test_a_scheduled_start_waits_for_its_time(hub: TaskHub) -> None:
    async with working(hub) as worker:
        due = in_ms(200)
        await start(hub, scheduled_start=due)
        (event,) = events_of(await episode(worker))
        assert isinstance(event, ExecutionStarted)
        assert SystemClock().now() >= due


async def test_a_message_for_another_execution_is_dropped(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        await start(hub, "two")
        late = SubOrchestrationInstanceCompleted(timestamp=Instant(0), task_id=0)
        right = Send(ONE, late, execution=first.session.execution)
        await commit(worker, first, append(raised()))
        sends = [replace(right, execution=ExecutionId("f" * 32)), right]
        await commit(worker, await episode(worker), append(raised(), sends=sends))
        assert events_of(await episode(worker)) == [late]
        assert await nothing_comes(worker)


async def test_the_first_answer_wins_and_a_second_is_dropped(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        work = await activity(worker)
        assert sorted(await asyncio.gather(*(answer(worker, work, str(n)) for n in range(5)))) == [False] * 4 + [True]
        assert len(events_of(await episode(worker))) == 1
        assert not await answer(worker, work)


async def test_an_answer_after_a_purge_or_a_restart_is_dropped(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        old = await activity(worker)
        await hub.purge(ONE)
        assert not await answer(worker, old)
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        assert not await answer(worker, old), "the same task of another run"
        assert await answer(worker, await activity(worker))


async def test_an_abandoned_activity_comes_again_with_another_attempt(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        work = await activity(worker)
        before = SystemClock().monotonic()
        await worker.abandon(work, delay=timedelta(milliseconds=200), why="busy")
        again = await activity(worker)
        assert SystemClock().monotonic() - before >= 0.19
        assert (again.task, again.attempt) == (work.task, 2)
        assert await answer(worker, again)


async def test_a_postponed_activity_comes_when_it_is_due_with_its_new_input(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        work = await activity(worker)
        await worker.abandon(work, delay=timedelta(), why="busy")
        before = SystemClock().monotonic()
        await worker.postpone(await activity(worker), rest='["Zürich"]', delay=timedelta(milliseconds=200))
        again = await activity(worker)
        assert SystemClock().monotonic() - before >= 0.19
        assert (again.task, again.attempt, again.input) == (work.task, 1, '["Zürich"]')
        assert await answer(worker, again)


async def test_a_postponed_activity_outlives_its_worker_but_not_its_instance(hub: TaskHub) -> None:
    async with working(hub) as worker:
        for instance in ("one", "two"):
            await start(hub, instance)
            await commit(worker, await episode(worker), schedule())
            await worker.postpone(await activity(worker), rest=f'["{instance}"]', delay=timedelta(milliseconds=100))
        await hub.purge(ONE)
    async with working(hub, "bob") as worker:
        assert (await activity(worker)).input == '["two"]'
        assert await nothing_comes(worker)


async def test_an_activity_that_is_answered_is_not_postponed_any_more(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), schedule())
        work = await activity(worker)
        await answer(worker, work)
        await episode(worker)
        await worker.postpone(work, rest="[1]", delay=timedelta())
        assert await nothing_comes(worker)


async def test_an_abandoned_episode_comes_again_with_its_past(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised("past")))
        await hub.send(ONE, raised("a"))
        first = await episode(worker)
        await worker.abandon(first, delay=timedelta(milliseconds=50), why="not now")
        again = await episode(worker)
        assert (events_of(again), again.attempt) == (events_of(first), 2)
        assert again.session.past == [raised("past")]


async def test_a_released_session_comes_back_with_its_past(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        settled = await commit(worker, first, append(raised("past")))
        await worker.release(ONE)
        await hub.send(ONE, raised("a"))
        again = await episode(worker)
        assert isinstance(settled, Committed)
        assert again.session.token == settled.token
        assert again.session.past == [raised("past")]


async def test_a_cancelled_take_loses_nothing(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised("past")))
        await worker.release(ONE)
        for _ in range(20):
            waiting = asyncio.create_task(worker.take(episodes=1, activities=1))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            if not waiting.cancelled():
                break
            await hub.send(ONE, raised("a"))
        else:
            assert len(events_of(await episode(worker))) == 20
            return
        assert waiting.result()


async def test_work_that_nobody_claimed_is_found_by_the_next_worker(hub: TaskHub) -> None:
    await start(hub)
    await hub.send(ONE, raised())
    async with working(hub) as worker:
        first = await episode(worker)
        assert len(events_of(first)) == 2
        await commit(worker, first, schedule(2))
    async with working(hub, "bob") as worker:
        assert {work.task for work in await take_all(worker, ActivityWork, 2)} == {0, 1}


async def test_a_worker_that_leaves_hands_over_at_once(hubs: SqliteHubs) -> None:
    async with working(hubs.open(), "alice") as alice:
        async with working(hub := hubs.open(), "bob") as bob:
            await start(hub)
            first = await episode(bob)
            settled = await commit(bob, first, schedule(here=1))
        again = await activity(alice)
        assert isinstance(settled, Committed)
        assert again.task == settled.activities[0].task
        assert await answer(alice, again)
        taken = await episode(alice)
        assert events_of(taken) == [completed(0)]
        assert isinstance(taken.session.past, list)
        assert len(taken.session.past) == 1
        late = after(first, settled)
        assert isinstance(await commit(alice, taken, append(completed(0))), Committed)
        assert await commit(alice, late, append(raised())) == Lost()


async def test_a_message_wakes_the_process_that_owns_the_instance(hubs: SqliteHubs) -> None:
    async with working(mine := hubs.open(), "alice") as alice, working(other := hubs.open(), "bob") as bob:
        await start(mine)
        await commit(alice, await episode(alice), append(raised()))
        await other.send(ONE, raised("from afar"))
        assert events_of(await episode(alice)) == [raised("from afar")]
        assert await nothing_comes(bob)
