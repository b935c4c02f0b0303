"""The contract of a commit: one commit point, every arm of Settled, and what becomes visible when."""

import asyncio

import pytest

from funchost.durable.events import ExecutionStarted, SubOrchestrationInstanceFailed
from funchost.durable.status import RuntimeStatus
from funchost.ids import ExecutionId, InstanceId
from funchost.taskhub import (
    ENCODING_ERRORS,
    ActivityWork,
    AnswerTaken,
    Committed,
    Episode,
    Lost,
    NewActivity,
    Outcome,
    Restart,
    Send,
    Session,
    StatusChange,
    TaskHub,
)
from taskhub.acting import (
    NOW,
    activity,
    after,
    answer,
    append,
    child_start,
    commit,
    completed,
    episode,
    events_of,
    finish,
    nothing_comes,
    raised,
    revoked,
    schedule,
    start,
    take_all,
    working,
)
from taskhub.conftest import SqliteHubs

ONE = InstanceId("one")


async def test_a_started_instance_comes_as_an_episode_without_past(hub: TaskHub) -> None:
    async with working(hub) as worker:
        execution = await start(hub, input='"x"')
        taken = await episode(worker)
        assert (taken.session.instance, taken.session.execution) == ("one", execution)
        assert not taken.session.past
        (event,) = events_of(taken)
        assert isinstance(event, ExecutionStarted)
        assert event.input == '"x"'


async def test_what_cannot_be_stored_is_refused_with_nothing_written_and_the_session_goes_on(hub: TaskHub) -> None:
    def never(settled: object) -> None:
        raise AssertionError(settled)

    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        no_text = "x\ud800"
        to_nobody = Send(InstanceId(no_text), raised("e"))
        for outcome in (append(raised(no_text)), Outcome(append().change, sends=[to_nobody])):
            with pytest.raises(ENCODING_ERRORS):
                await asyncio.to_thread(worker.commit, taken, outcome, never)
        assert not await hub.history(ONE)
        assert isinstance(await commit(worker, taken, append(*events_of(taken))), Committed)


async def test_a_commit_appends_to_the_history_and_changes_the_view(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        settled = await commit(worker, taken, schedule(status=StatusChange(custom_status='"half"')))
        assert isinstance(settled, Committed)
        assert [event.event_id for event in await hub.history(ONE)] == [0]
        there = await hub.read(ONE)
        assert there is not None
        assert (there.status, there.custom_status) == (RuntimeStatus.PENDING, '"half"')


async def test_activities_of_this_process_come_back_with_the_commit(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        settled = await commit(worker, await episode(worker), schedule(3, here=2))
        assert isinstance(settled, Committed)
        assert [work.task for work in settled.activities] == [0, 1]
        assert (await activity(worker)).task == 2


async def test_a_fused_answer_takes_the_place_of_its_activity(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        settled = await commit(worker, first, schedule(here=1))
        assert isinstance(settled, Committed)
        (work,) = settled.activities
        next_one = schedule(first=1, here=1, answered=[(work, completed(0))])
        assert isinstance(await commit(worker, after(first, settled), next_one), Committed)
        assert not await answer(worker, work)


async def test_a_second_commit_on_the_same_token_is_lost(hub: TaskHub) -> None:
    await a_second_commit_is_lost(hub)


async def a_second_commit_is_lost(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        assert isinstance(await commit(worker, taken, append(raised("first"))), Committed)
        assert await commit(worker, taken, append(raised("second"))) == Lost()
        assert len(await hub.history(ONE)) == 1


async def test_without_the_fence_the_second_commit_would_not_be_lost(hubs: SqliteHubs) -> None:
    with pytest.raises(AssertionError):
        await a_second_commit_is_lost(hubs.open(check_fence=False))


async def test_two_commits_submitted_together_cannot_both_take(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        settled = await asyncio.gather(*(commit(worker, taken, append(raised(str(n)))) for n in range(4)))
        assert sum(isinstance(each, Committed) for each in settled) == 1
        assert len(await hub.history(ONE)) == 1


async def test_after_a_lost_commit_the_messages_come_again_with_the_past(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        await commit(worker, first, append(raised("first")))
        await hub.send(ONE, raised("second"))
        second = await episode(worker)
        assert not second.session.past, "the worker holds it"
        assert await commit(worker, first, append(raised("late"))) == Lost()
        again = await episode(worker)
        assert events_of(again) == events_of(second)
        assert again.session.past == [raised("first")]


async def test_an_answer_that_was_taken_refuses_the_whole_commit(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        settled = await commit(worker, first, schedule(2, here=2))
        assert isinstance(settled, Committed)
        early, late = settled.activities
        assert await answer(worker, late)
        outcome = append(completed(0), completed(1), answered=[(early, completed(0)), (late, completed(1))])
        assert await commit(worker, after(first, settled), outcome) == AnswerTaken(frozenset({1}))
        assert len(await hub.history(ONE)) == 2
        without = append(completed(0), answered=[(early, completed(0))])
        assert isinstance(await commit(worker, after(first, settled), without), Committed)
        assert events_of(await episode(worker)) == [completed(1)]


async def test_consumed_messages_do_not_come_again(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        await commit(worker, await episode(worker), append(raised()))
        assert await nothing_comes(worker)


async def test_messages_that_arrive_during_an_episode_come_after_its_commit(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        await hub.send(ONE, raised("a"))
        await hub.send(ONE, raised("b"))
        assert await nothing_comes(worker)
        settled = await commit(worker, first, append(raised("x")))
        second = await episode(worker)
        assert events_of(second) == [raised("a"), raised("b")]
        assert isinstance(settled, Committed)
        assert second.session.token == settled.token


async def test_a_finished_instance_keeps_nothing_that_waits(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        settled = await commit(worker, first, schedule(3, here=1))
        await hub.send(ONE, raised(), due=NOW)
        assert isinstance(settled, Committed)
        assert isinstance(await commit(worker, after(first, settled), finish()), Committed)
        there = await hub.read(ONE)
        assert there is not None
        assert (there.status, there.output) == (RuntimeStatus.COMPLETED, '"done"')
        assert not await answer(worker, settled.activities[0])
        assert await nothing_comes(worker)


async def test_a_child_is_created_with_its_parents_commit(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        send = child_send("child", taken.session)
        await commit(worker, taken, append(raised(), sends=[send]))
        child = await episode(worker)
        assert events_of(child) == [send.event]
        there = await hub.read(InstanceId("child"))
        assert there is not None
        assert there.parent == "one"


async def test_a_child_with_the_id_of_a_running_instance_fails_its_parents_call(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        await start(hub, "taken")
        await episode(worker)
        await commit(worker, taken, append(raised(), sends=[child_send("taken", taken.session, task=7)]))
        (failure,) = events_of(await episode(worker))
        assert isinstance(failure, SubOrchestrationInstanceFailed)
        assert failure.task_id == 7
        assert failure.reason == "An Orchestration instance with the status Pending already exists."


async def test_continue_as_new_begins_another_history_and_drops_the_messages_of_the_old(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        first = await episode(worker)
        settled = await commit(worker, first, schedule(here=1))
        assert isinstance(settled, Committed)
        await hub.send(ONE, raised("kept"))
        second = await episode(worker)
        successor = ExecutionId("e" * 32)
        restart = Restart(successor, [raised("begun")], '"next"', NOW, carried=[raised("carried"), *events_of(second)])
        outcome = Outcome(restart, activities=[NewActivity(0, "New", None)], run_here=1)
        settled_again = await commit(worker, second, outcome)
        assert isinstance(settled_again, Committed)
        assert [work.execution for work in settled_again.activities] == [successor]
        assert not await answer(worker, settled.activities[0]), "of the execution that ended"
        third = await episode(worker)
        assert third.session.execution == successor
        assert events_of(third) == [raised("carried"), raised("kept")]
        assert await hub.history(ONE) == [raised("begun")]
        there = await hub.read(ONE)
        assert there is not None
        assert (there.execution, there.input, there.created) == (successor, '"next"', NOW)


async def test_a_purge_in_the_middle_of_an_episode_revokes_it(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        taken = await episode(worker)
        assert await hub.purge(ONE)
        assert (await revoked(worker)).instance == "one"
        assert await commit(worker, taken, append(raised())) == Lost()
        assert await hub.read(ONE) is None
        assert await hub.history(ONE) == []


async def test_a_replaced_instance_is_revoked_and_starts_anew(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await start(hub)
        old = await episode(worker)
        settled = await commit(worker, old, schedule(here=1))
        execution = await start(hub, replacing=frozenset(RuntimeStatus))
        assert (await revoked(worker)).instance == "one"
        assert await commit(worker, after(old, settled), append(raised())) == Lost()
        new = await episode(worker)
        assert new.session.execution == execution
        assert isinstance(settled, Committed)
        assert not await answer(worker, settled.activities[0])
        assert isinstance(await commit(worker, new, append(raised("new"))), Committed)
        assert await hub.history(ONE) == [raised("new")]


async def test_many_instances_commit_together(hub: TaskHub) -> None:
    async with working(hub) as worker:
        await asyncio.gather(*(start(hub, f"i{n}") for n in range(100)))
        episodes = await take_all(worker, Episode, 100)
        settled = await asyncio.gather(*(commit(worker, each, schedule(2, here=1)) for each in episodes))
        assert all(isinstance(each, Committed) for each in settled)
        rest = await take_all(worker, ActivityWork, 100)
        assert {work.task for work in rest} == {1}


def child_send(child: str, parent: Session, task: int = 0) -> Send:
    return Send(InstanceId(child), child_start(child, parent, task))
