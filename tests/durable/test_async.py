"""Orchestrators as coroutines: what they may do, and what they are told when they do what needs an event loop."""

import asyncio
import gc
import warnings
from collections.abc import AsyncGenerator, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable.driver import Activities, failure_of, play, result_of, settle
from durable.world import Mode

ACTIVITIES: Activities = {"double": lambda n: n * 2}


# --- what they may do ---------------------------------------------------------------------------------


async def double(context: Any, n: int) -> int:
    return await context.call_activity("double", n)


def test_helpers_are_awaited():
    async def main(context: Any) -> Any:
        return await double(context, await double(context, 1))

    assert result_of(main, activities=ACTIVITIES) == 4


def test_several_tasks_are_awaited_together():
    async def main(context: Any) -> Any:
        tasks = [context.call_activity("double", n) for n in range(3)]
        winner = await context.task_any(tasks)
        return [await winner, await context.task_all(tasks)]

    assert result_of(main, activities=ACTIVITIES, batch_size=lambda: 1) == [0, [0, 2, 4]]


def test_async_with_and_async_for_are_driven():
    @asynccontextmanager
    async def held(context: Any) -> AsyncGenerator[int]:
        got = await double(context, 5)
        yield got
        await double(context, got)

    async def doubled(context: Any) -> AsyncGenerator[int]:
        for n in range(3):
            yield await double(context, n)

    async def main(context: Any) -> Any:
        async with held(context) as got:
            return [got, [n async for n in doubled(context)]]

    assert result_of(main, activities=ACTIVITIES) == [10, [0, 2, 4]]


def test_a_failure_is_caught_where_it_is_awaited():
    def fail(argument: Any) -> Any:
        raise ValueError(argument)

    async def main(context: Any) -> Any:
        try:
            await context.call_activity("fail", "boom")
        except Exception as error:
            return str(error).split(" \n ")[0]

    assert result_of(main, activities={"fail": fail}) == "Activity function 'fail' failed:  ValueError: boom"


def test_a_loop_of_one_s_own_may_run_inside():
    async def outside() -> int:
        await asyncio.sleep(0)
        return 3

    def main(context: Any) -> Any:
        return asyncio.run(outside())

    assert _in_a_thread(lambda: result_of(main)) == 3


# --- coroutines that wait for their turn --------------------------------------------------------------


def test_coroutines_made_early_and_awaited_late_are_no_mistake():
    async def main(context: Any) -> Any:
        one, many = double(context, 1), [double(context, n) for n in range(3)]
        results = [await helper for helper in many]
        results += [await helper for helper in (double(context, 7), double(context, 8))]
        return [*results, await one]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert result_of(main, activities=ACTIVITIES) == [0, 2, 4, 14, 16, 2]
        gc.collect()


def test_a_helper_that_nobody_ever_awaits_is_python_s_to_warn_of():
    async def main(context: Any) -> Any:
        double(context, 1)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        return "done"

    with pytest.warns(RuntimeWarning, match=r"coroutine 'double' was never awaited"):
        result_of(main, modes=[Mode.REPLAYED])


def test_data_of_any_size_may_be_held_while_waiting():
    async def main(context: Any) -> Any:
        numbers = list(range(200_000))
        return sum(numbers) + await double(context, 1)

    assert result_of(main, activities=ACTIVITIES) == sum(range(200_000)) + 2


# --- what they are told -------------------------------------------------------------------------------


def _in_a_thread(action: Any) -> Any:
    """As on a host: a thread that never had an event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(action).result()


def told(main: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what is passed to asyncio there is never awaited
        return _in_a_thread(lambda: failure_of(main, activities=ACTIVITIES))


async def sleeps(context: Any) -> None:
    await asyncio.sleep(1)


async def gathers(context: Any) -> None:
    await asyncio.gather(context.call_activity("double", 1), context.call_activity("double", 2))


async def gathers_helpers(context: Any) -> None:
    await asyncio.gather(double(context, 1), double(context, 2))


async def waits(context: Any) -> None:
    await asyncio.wait([context.call_activity("double", 1)])


async def waits_for(context: Any) -> None:
    await asyncio.wait_for(context.call_activity("double", 1), 5)


async def limits(context: Any) -> None:
    async with asyncio.timeout(5):
        await context.call_activity("double", 1)


async def creates_tasks(context: Any) -> None:
    asyncio.create_task(double(context, 1))  # noqa: RUF006


async def groups(context: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(double(context, 1))


async def uses_threads(context: Any) -> None:
    await asyncio.to_thread(print)


async def asks_for_the_loop(context: Any) -> None:
    asyncio.get_running_loop().time()


async def waits_for_a_queue(context: Any) -> None:
    await asyncio.Queue[int]().get()


async def opens_a_session(context: Any) -> None:
    import aiohttp

    aiohttp.ClientSession()


@pytest.mark.parametrize(
    ("main", "instead"),
    [
        (sleeps, "use context.create_timer(...) instead of asyncio.sleep(...)"),
        (gathers, "use context.task_all([...]) instead of asyncio.gather(...)"),
        (gathers_helpers, "use context.task_all([...]) instead of asyncio.gather(...)"),
        (waits, "use context.task_all([...]) or context.task_any([...]) instead of asyncio.wait(...)"),
        (waits_for, "context.task_any([task, context.create_timer(...)]) instead of using asyncio.wait_for(...)"),
        (limits, "context.task_any([task, context.create_timer(...)]) instead of using asyncio.timeout(...)"),
        (creates_tasks, "drop asyncio.create_task(...): what context.call_activity(...) and its like return runs"),
        (groups, "drop asyncio.TaskGroup(...): what"),
        (uses_threads, "do it in an activity instead of with asyncio.to_thread(...)"),
        (asks_for_the_loop, "do what needs an event loop in an activity"),
        (waits_for_a_queue, "do what needs an event loop in an activity"),
        (opens_a_session, "use context.call_http(...) for a request"),
    ],
)
def test_what_needs_a_loop_fails_with_what_to_write_instead(main: Any, instead: str):
    text = told(main)
    assert "An orchestrator awaits durable tasks only: " in text
    assert instead in text
    line = main.__code__.co_firstlineno
    assert any(f"(test_async.py, line {n})" in text for n in range(line + 1, line + 6))


def test_the_words_of_the_error_stay():
    assert told(sleeps).startswith("Orchestrator function 'main' failed: no running event loop. An orchestrator awaits")


def test_awaiting_a_future_of_an_event_loop_says_so_too():
    async def main(context: Any) -> Any:
        loop = asyncio.new_event_loop()
        try:
            await loop.create_future()
        finally:
            loop.close()

    assert "object of type Future; an orchestrator awaits durable tasks only: use" in told(main)


def test_an_error_of_the_author_s_own_keeps_its_text():
    async def main(context: Any) -> Any:
        raise RuntimeError("the event loop of my day")

    async def breaks_inside() -> None:
        raise RuntimeError("inside")

    def runs(context: Any) -> Any:
        asyncio.run(breaks_inside())

    assert told(runs) == "Orchestrator function 'main' failed: inside"
    assert told(main) == "Orchestrator function 'main' failed: the event loop of my day"


def helper(context: Any) -> Any:
    yield context.call_activity("double", 1)


def yields_a_helper(context: Any) -> Any:
    yield helper(context)


def yields_a_coroutine(context: Any) -> Any:
    yield double(context, 1)


def returns_a_helper(context: Any) -> Any:
    yield context.call_activity("double", 1)
    return helper(context)


async def returns_a_coroutine(context: Any) -> Coroutine[Any, Any, int]:
    return double(context, 1)


@pytest.mark.parametrize(
    ("main", "hint"),
    [
        (yields_a_helper, "of type generator; to run a helper that yields, write: yield from helper(context)"),
        (yields_a_coroutine, "of type coroutine; to run an async helper, make the orchestrator an 'async def'"),
        (returns_a_helper, "an orchestrator returned a generator: write 'yield from' before it"),
        (returns_a_coroutine, "an orchestrator returned a coroutine: await it"),
    ],
)
def test_a_helper_that_was_not_driven_is_told_how(main: Any, hint: str):
    assert hint in told(main)


def test_a_concurrent_future_cannot_be_awaited_and_python_says_so():
    async def main(context: Any) -> Any:
        await Future()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]

    assert "can't be used in 'await' expression" in told(main)


def test_coroutines_are_kept_and_closed_like_generators():
    closed: list[str] = []

    async def main(context: Any) -> Any:
        try:
            await context.wait_for_external_event("never")
        finally:
            closed.append("closed")
            context.set_custom_status("closing")

    played = play(main, settle, modes=[Mode.KEPT])
    assert (closed, played.custom_status) == (["closed"], None)
