"""What threads want to have done on the event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

__all__ = ["Errands"]

_END_S = 1.0


class Errands:
    """Belongs to the loop that it is made on. Methods may be called on any thread, but for :meth:`end`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, callback: Callable[[], object]) -> None:
        """Soon, unless the loop is closed: the process is then ending."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """As a task, which :meth:`end` cancels."""
        self.call(lambda: self._begin(work()))

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_S)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
