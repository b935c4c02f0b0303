import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar, copy_context

import pytest

from funchost.threads import ThreadPool, ThreadsClosed, give_up

LABEL: ContextVar[str] = ContextVar("label", default="none")


@pytest.fixture
def threads() -> Iterator[ThreadPool]:
    pool = ThreadPool(3)
    yield pool
    assert pool.close(5)


def test_a_call_returns_or_raises_to_whoever_awaits_it(threads: ThreadPool) -> None:
    def fail() -> None:
        raise LookupError("here")

    async def use() -> None:
        assert await threads.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(LookupError, match="here"):
            await threads.run(fail)

    asyncio.run(use())


def test_many_calls_share_few_threads_and_all_come_back(threads: ThreadPool) -> None:
    seen: set[str] = set()

    def work(n: int) -> int:
        seen.add(threading.current_thread().name)
        return n

    async def use() -> list[int]:
        return await asyncio.gather(*(threads.run(work, n) for n in range(500)))

    assert asyncio.run(use()) == list(range(500))
    assert len(seen) <= 3


def test_as_many_calls_run_at_once_as_there_are_threads(threads: ThreadPool) -> None:
    together = threading.Barrier(3)

    async def use() -> None:
        for _ in range(20):
            await asyncio.gather(*(threads.run(together.wait, 5) for _ in range(3)))

    asyncio.run(use())


def test_a_thread_is_started_only_when_the_others_are_busy(threads: ThreadPool) -> None:
    async def use() -> None:
        for _ in range(50):
            await threads.run(threading.get_ident)
            while not threads._idle:  # noqa: ASYNC110 - the thread waits again a moment after its answer, untold
                await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(use(), 10))
    assert len(threads._threads) == 1


def test_each_call_sees_a_copy_of_its_callers_context(threads: ThreadPool) -> None:
    def work() -> str:
        seen = LABEL.get()
        LABEL.set("changed in the thread")
        return seen

    async def use() -> None:
        LABEL.set("mine")
        assert await threads.run(work) == "mine"
        assert LABEL.get() == "mine"
        assert await threads.run(work) == "mine"

    asyncio.run(use())


def test_a_submitted_task_runs_in_a_copy_of_the_given_context(threads: ThreadPool) -> None:
    context = copy_context()
    context.run(LABEL.set, "given")
    seen: list[str] = []
    done = threading.Barrier(3)

    def work() -> None:
        seen.append(LABEL.get())
        done.wait(5)

    threads.submit(work, context=context)
    threads.submit(work, context=context)
    done.wait(5)
    assert seen == ["given", "given"]


def test_a_task_that_fails_is_logged_and_takes_no_thread_with_it(
    threads: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise SystemExit("not today")

    done = threading.Event()
    for _ in range(10):
        threads.submit(fail)
    threads.submit(done.set)
    assert done.wait(5)
    assert threads.close(5)
    assert "not today" in caplog.text


def test_a_stop_iteration_comes_through(threads: ThreadPool) -> None:
    async def use() -> None:
        with pytest.raises(RuntimeError) as caught:  # what Python makes of one in any coroutine
            await threads.run(next, iter(()))
        assert isinstance(caught.value.__cause__, StopIteration)

    asyncio.run(use())


def test_a_cancelled_call_that_has_not_begun_never_runs(threads: ThreadPool) -> None:
    release = threading.Event()
    ran: list[int] = []

    async def use() -> None:
        blocked = [asyncio.create_task(threads.run(release.wait, 5)) for _ in range(3)]
        await asyncio.sleep(0)
        late = asyncio.create_task(threads.run(ran.append, 1))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        release.set()
        await asyncio.gather(*blocked)

    asyncio.run(use())
    assert threads.close(5)
    assert ran == []


def test_one_pool_serves_several_loops(threads: ThreadPool) -> None:
    for n in range(5):
        assert asyncio.run(threads.run(abs, -n)) == n


def test_closing_waits_for_what_runs_and_tells_when_it_takes_too_long() -> None:
    pool = ThreadPool(1)
    release = threading.Event()
    pool.submit(lambda: release.wait(5))
    assert not pool.close(0.01)
    with pytest.raises(ThreadsClosed):
        pool.submit(print)
    release.set()
    assert pool.close(5)


def test_a_result_for_a_loop_that_has_ended_is_dropped(threads: ThreadPool) -> None:
    release = threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(threads.run(release.wait, 5))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    release.set()
    assert threads.close(5)


def test_a_pool_without_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ThreadPool(0)


def test_a_thread_that_is_given_up_is_replaced_and_ends_with_what_it_runs() -> None:
    pool, busy, go_on, ran = ThreadPool(1), threading.Event(), threading.Event(), threading.Event()
    hanging = list[threading.Thread]()

    def hang() -> None:
        hanging.append(threading.current_thread())
        busy.set()
        go_on.wait(5)

    pool.submit(hang)
    pool.submit(ran.set)
    assert busy.wait(5)
    give_up(hanging[0])
    give_up(hanging[0])
    assert ran.wait(5), "what waited in the queue is run by the one that came in its place"
    assert len(pool._threads) == 1
    go_on.set()
    hanging[0].join(5)
    assert not hanging[0].is_alive()
    assert pool.close(5)


def test_a_pool_does_not_wait_for_a_thread_that_was_given_up() -> None:
    pool, busy, go_on = ThreadPool(1), threading.Event(), threading.Event()
    hanging = list[threading.Thread]()
    pool.submit(lambda: (hanging.append(threading.current_thread()), busy.set(), go_on.wait(5)))
    assert busy.wait(5)
    give_up(hanging[0])
    assert pool.close(5)
    go_on.set()
