"""From the committer's thread back to event loops: one wake-up of a loop a commit, whatever it did."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Reply", "Returns"]

T = TypeVar("T")


class Returns:
    """Collects calls for loops, and makes them when flushed. Used by one thread at a time."""

    def __init__(self) -> None:
        self._calls: dict[asyncio.AbstractEventLoop, list[tuple[Callable[..., object], tuple[Any, ...]]]] = {}

    def later(self, loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: Any) -> None:
        self._calls.setdefault(loop, []).append((call, arguments))

    def flush(self) -> None:
        if not self._calls:
            return
        waiting, self._calls = self._calls, {}
        for loop, calls in waiting.items():
            try:
                loop.call_soon_threadsafe(_make, calls)
            except RuntimeError:
                # The loop was closed: nobody waits there any more.
                continue


class Reply(Generic[T]):
    """The answer to a write, for a coroutine. One that stopped waiting changes nothing for the others."""

    def __init__(self, returns: Returns) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()
        self._returns = returns

    def then(self, result: T) -> None:
        self._returns.later(self._loop, self._set, result, None)

    def failed(self, exc: BaseException) -> None:
        self._returns.later(self._loop, self._set, None, exc)

    async def wait(self) -> T:
        return await self._future

    def _set(self, result: T, exc: BaseException | None) -> None:
        if self._future.done():
            return
        if exc is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(exc)


def _make(calls: list[tuple[Callable[..., object], tuple[Any, ...]]]) -> None:
    for call, arguments in calls:
        call(*arguments)
