"""What an execution has asked for and still waits for.

This state outlives the generator: when user code is suspended (and, in the default mode, closed), answers
are delivered here, and only when what the code awaits completes need the code run again. The retry of a
failed attempt is decided here too, without user code.
"""

from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from funchost.durable.actions import Action, CallSubOrchestrator, ReleaseEntity
from funchost.durable.blame import leaves
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import Release, Request
from funchost.durable.entity_calls import EntityTask, Requests
from funchost.durable.events import EventRaised, FailureDetails
from funchost.durable.failures import thrown
from funchost.durable.locks import CriticalSection, LockTask
from funchost.durable.tasks import AtomicTask, CompoundTask, RetryAbleTask, Task, TimerTask
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import Instant

__all__ = ["EventWait", "OpenTasks"]


class EventWait(str):
    """The action of a wait for an external event: its name. It is never recorded."""

    __slots__ = ()


class OpenTasks:
    """Numbers tasks in the order in which they are scheduled and completes them by their answers."""

    def __init__(self, execution: ExecutionId) -> None:
        self.episode = 1
        self.delivering = 0
        self.now = Instant(0)
        self.made = 0
        self.actions: dict[int, Action] = {}
        """Asked for and not yet recorded, in the order of their numbers."""
        self.cancelled_timers: list[int] = []
        """Timers that were set and need not fire any more, since the last outcome."""
        self.requests = Requests()
        self.section = CriticalSection(self)
        self.untold: dict[AtomicTask, None] = {}
        """What has failed and the code was not told of, in the order of failing."""
        self.skipped: frozenset[int] = frozenset()
        """Numbers that are not to be drawn."""
        self._execution = execution
        self._next_id = 0
        self._open: dict[int, AtomicTask] = {}
        self._waits: dict[str, list[AtomicTask]] = {}
        self._buffered: dict[str, deque[EventRaised]] = {}
        self._sealed = False
        self._silent = False
        self._closed = False

    @property
    def keeps_open(self) -> bool:
        """Whether an activity, a timer or a sub-orchestration is still out: until then nothing ends."""
        return bool(self._open)

    @property
    def numbers_drawn(self) -> int:
        """How much was asked for in this execution so far."""
        return self._next_id

    def draw_id(self) -> int:
        number = self._next_id
        while number in self.skipped:
            number += 1
        self._next_id = number + 1
        return number

    @property
    def hears_code(self) -> bool:
        """Whether what the code asks for at once (a signal, a release) has an effect."""
        return not (self._sealed or self._closed)

    def failed(self, task: Task) -> None:
        """Note that ``task`` has failed, before anybody hears of it."""
        if isinstance(task, AtomicTask):
            self.untold[task] = None

    def tell(self, task: Task) -> list[AtomicTask]:
        """The code is told how ``task`` came out, and so of every failure in it; of which for the first time."""
        news = [leaf for leaf in leaves(task) if leaf in self.untold]
        for leaf in news:
            self.untold.pop(leaf, None)
        return news

    def seal(self) -> None:
        """From here on nothing is recorded: the code asked to continue as new. Retries under way go on."""
        self._sealed = True

    @contextmanager
    def silenced(self) -> Generator[None]:
        """While the code is being closed nothing that it calls has an effect; nor has, from then on, what is left
        of it: a generator that ignored its exit ends when it is collected."""
        self._silent = self._closed = True
        try:
            yield
        finally:
            self._silent = False

    def drop_all(self, *, number_after: int) -> None:
        """Wait for nothing any more; the next number is above ``number_after``."""
        self._open.clear()
        self._waits.clear()
        self.requests.drop_all()
        self.actions.clear()
        self.cancelled_timers.clear()
        self._sealed = True
        self._next_id = max(self._next_id, number_after + 1)

    def schedule(self, task: Task, *, again: bool = False) -> None:
        if task._is_scheduled_flag or self._silent:
            return
        task._is_scheduled_flag = True
        if isinstance(task, CompoundTask):
            if isinstance(task, RetryAbleTask):
                task.scheduled()
            for child in task.children:
                self.schedule(child)
        elif isinstance(task, AtomicTask) and (self.section.lock is None or again or self._is_allowed(task)):
            self._open_task(task)

    def record(self, action: Action) -> None:
        """Ask for something that nobody waits for (a signal)."""
        if self.hears_code:
            self.ask(action)

    def ask(self, action: Action) -> None:
        """Number ``action`` and ask for it, whether the code is heard or not."""
        action.id = self.draw_id()
        self.actions[action.id] = action

    def release(self, locks: Iterable[tuple[EntityKey, Release]]) -> None:
        """Give back what an execution holds whose code has no say any more."""
        self.section.lock = None
        for entity, release in locks:
            self.ask(ReleaseEntity(-1, entity, Request(op=None, id=release.id)))

    def cancel(self, timer: TimerTask) -> bool:
        """Take a pending timer out of what keeps the execution open. False: it stays as it is."""
        if self._closed:
            return False
        if isinstance(timer.id, int) and self._open.pop(timer.id, None) is not None and timer.id not in self.actions:
            self.cancelled_timers.append(timer.id)
        return True

    def succeed(self, task_id: int, payload: str | None) -> None:
        """Deliver a result; one for an unknown or finished number is ignored."""
        task = self._open.pop(task_id, None)
        if task is not None:
            task.complete_with_payload(payload)

    def fail(self, task_id: int, reason: str | None, details: str | None, failure: FailureDetails | None) -> None:
        task = self._open.pop(task_id, None)
        if task is not None:
            task.failure = failure
            task.complete(thrown(reason, details, failure), failed=True)

    @property
    def open_children(self) -> list[InstanceId]:
        """The sub-orchestrations that were started and have not answered."""
        calls = ((number, task.action_repr) for number, task in self._open.items() if number not in self.actions)
        return [call.instance_id for _, call in calls if isinstance(call, CallSubOrchestrator)]

    def forget_new(self) -> None:
        """What is not recorded yet was never asked for."""
        for number in self.actions:
            self._open.pop(number, None)
        self.actions.clear()

    def fire(self, timer_id: int) -> None:
        task = self._open.pop(timer_id, None)
        if task is not None:
            task.complete(None)

    def raise_event(self, event: EventRaised) -> None:
        """To the request that it answers, to the newest wait of that name (exact, else ignoring case), or into the
        buffer."""
        if self.requests.takes(event):
            return
        name = self._matching(self._waits, event.name)
        if name is None:
            self._buffered.setdefault(event.name, deque()).append(event)
            return
        waits = self._waits[name]
        wait = waits.pop()
        if not waits:
            del self._waits[name]
        wait.complete_with_payload(event.input)

    def _open_task(self, task: AtomicTask) -> None:
        action = task.action_repr
        if isinstance(action, EventWait):
            self._open_wait(task, action)
            return
        number = self.draw_id()
        task.id = action.id = number
        self.actions[number] = action
        if isinstance(task, EntityTask):
            self.requests.opened(number, task)
            if isinstance(task, LockTask):
                self.section.lock = task
            return
        if isinstance(action, CallSubOrchestrator) and not action.instance_id:
            action.instance_id = InstanceId(f"{self._execution}:{number}")
        if not (isinstance(task, TimerTask) and task.is_cancelled):
            self._open[number] = task

    def _is_allowed(self, task: AtomicTask) -> bool:
        """False: the critical section that the code is in forbids it, and the task has failed."""
        violation = self.section.admit(task)
        if violation is not None:
            task.failure = FailureDetails(type(violation).__name__, str(violation), non_retriable=True)
            task.complete(violation, failed=True)
        return violation is None

    def _open_wait(self, task: AtomicTask, wait: EventWait) -> None:
        task.id = str(wait)
        name = self._matching(self._buffered, wait)
        if name is None:
            self._waits.setdefault(str(wait), []).append(task)
            return
        events = self._buffered[name]
        event = events.popleft()
        if not events:
            del self._buffered[name]
        task.complete_with_payload(event.input)

    @staticmethod
    def _matching(names: dict[str, list[AtomicTask]] | dict[str, deque[EventRaised]], wanted: str) -> str | None:
        if wanted in names:
            return wanted
        if not names:
            return None
        folded = wanted.lower()
        return next((name for name in names if name.lower() == folded), None)
