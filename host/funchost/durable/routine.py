"""The author's code in an execution: it runs on whenever what it awaits is complete, until it ends.

It ends by returning, raising, yielding what is no task, or by asking to continue as new. Closed while it
waits, it still knows what for: :attr:`Routine.code_needed` then says that only a replay can go on.
"""

from collections.abc import Callable, Collection
from typing import Any

from funchost.durable import failures, misuse, payloads, texts
from funchost.durable.actions import Action
from funchost.durable.adopted import adopted
from funchost.durable.blame import blamed
from funchost.durable.context import OrchestrationContext
from funchost.durable.events import FailureDetails
from funchost.durable.open_tasks import OpenTasks
from funchost.durable.sdk import TaskState
from funchost.durable.status import RuntimeStatus
from funchost.durable.step import Ending
from funchost.durable.tasks import AtomicTask, ReadyTask, Task
from funchost.durable.user_code import Raised, Returned, Suspended, UserCode, Watch
from funchost.tracebacks import place

__all__ = ["Routine"]

_RUNNING = TaskState.RUNNING
_FAILED = TaskState.FAILED


class Routine:
    """One run of an orchestrator function.

    ``start`` and ``resume`` say whether the code has ended; ``ending`` and ``continuing`` then say how. ``to_blame``
    are the failed tasks that made it raise, if it did, and ``numbered_from`` is the first number that it could draw
    after it was told of a task for the last time.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Any], Any],
        context: OrchestrationContext,
        tasks: OpenTasks,
        watch: Watch | None = None,
    ) -> None:
        self.context = context
        self.ending: Ending | None = None
        self.continuing = False
        self.code_needed = False
        self.to_blame: Collection[AtomicTask] = ()
        self.numbered_from = 0
        self._news: Collection[AtomicTask] = ()
        self._name = name
        self._tasks = tasks
        self._code: UserCode | None = UserCode(
            function, None if watch is None else lambda: watch(replaying=context.replaying)
        )
        self._awaited: Task | None = None

    @property
    def has_code(self) -> bool:
        """Whether the code is suspended here, neither ended nor closed."""
        return self._code is not None

    @property
    def must_be_replayed(self) -> str | None:
        """Why resuming the code instead of replaying it would make a difference to it; None when it would not."""
        if self.context.histories_read:
            return "it reads context.histories"
        if self._code is not None and not self._code.is_authors_own:
            return "a wrapper around the function makes its generator"
        return None

    def surely_needs(self, answered: int) -> bool:
        """Whether the answer of that number completes what the code, which is closed, awaits."""
        awaited = self._awaited
        return self._code is None and awaited is not None and awaited.id == answered

    def where(self, action: Action | None) -> str:
        """Where the author's code asks for ``action``, or what is known instead; begins with a blank."""
        position = None if self._code is None else self._code.position
        if position is None:
            return ", where it has ended"
        if action is not None and self._awaited is not None and _asks(self._awaited, action):
            return f" ({place(*position)})"
        return f", while it waits in {place(*position)}"

    def start(self) -> bool:
        assert self._code is not None
        return self._advance(self._code.start(self.context))

    def resume(self) -> bool:
        """Run on if what the code awaits is complete."""
        awaited = self._awaited
        if awaited is None or awaited.state is _RUNNING:
            return False
        if self._code is None:
            self.code_needed = True
            return False
        return self._advance(self._send(awaited))

    def stop(self) -> None:
        """Close the code and wait for nothing any more."""
        self._awaited = None
        self.close()

    def close(self) -> None:
        """Close the code silently: whatever it calls on its way out has no effect."""
        code, self._code = self._code, None
        if code is None:
            return
        self.context.sealed = True
        with self._tasks.silenced():
            code.close()

    def _advance(self, result: Suspended | Returned | Raised) -> bool:
        """Go on until the code awaits something that is not complete, or ends."""
        context = self.context
        while isinstance(result, Suspended):
            if context.continuing:
                return self._ended(continuing=True)
            task = result.value
            if not isinstance(task, Task):
                task = adopted(self._tasks, task)
            if not isinstance(task, Task):
                if task is not None:
                    return self._failed(texts.yielded_no_task(task) + misuse.advice_on_yield(task))
                task = ReadyTask(self._tasks)
            self._tasks.schedule(task)
            self._awaited = task
            if task.state is _RUNNING:
                return False
            result = self._send(task)
        if isinstance(result, Raised):
            # Now, and not when it is asked for: an error keeps all that its frames hold.
            self.to_blame = blamed(self._awaited, result.error, self._news)
            error = texts.error_text(result.error)
            if (advice := misuse.advice(result.error)) is not None:
                error = f"{error.rstrip('.')}. {advice}"
            details = texts.orchestrator_failure_details(error, result.traceback)
            return self._failed(error, details, failures.details_of(result.error))
        if context.continuing:
            return self._ended(continuing=True)
        return self._returned(result.value)

    def _send(self, task: Task) -> Suspended | Returned | Raised:
        assert self._code is not None
        self.numbered_from = self._tasks.numbers_drawn
        self._news = self._tasks.tell(task) if self._tasks.untold else ()
        self.context.replaying = task.is_played
        value = task.result
        return self._code.throw(value) if task.state is _FAILED else self._code.send(value)

    def _returned(self, value: Any) -> bool:
        try:
            output = payloads.encode_plain(value)
        except Exception as exc:  # noqa: BLE001 - the border to user code: an output may be any object
            return self._failed(misuse.advice_on_output(value) or texts.error_text(exc))
        return self._ended(Ending(RuntimeStatus.COMPLETED, output))

    def _failed(self, error: str, details: str | None = None, failure: FailureDetails | None = None) -> bool:
        return self._ended(Ending(RuntimeStatus.FAILED, texts.orchestrator_failed(self._name, error), details, failure))

    def _ended(self, ending: Ending | None = None, *, continuing: bool = False) -> bool:
        self.stop()
        self.ending, self.continuing = ending, continuing
        return True


def _asks(task: Task, action: Action) -> bool:
    return task.action_repr is action or any(_asks(child, action) for child in task.children)
