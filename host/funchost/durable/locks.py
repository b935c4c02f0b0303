"""Critical sections: an orchestration has several entities to itself until it releases them.

One request travels from entity to entity, always in the same order, so that two orchestrations never wait for
each other. That would be in vain if code that has locks could wait for something else that is locked: the
rules in :class:`CriticalSection` forbid it, from when the lock is asked for until it is released.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from funchost.durable.actions import Action, AskEntity, CallSubOrchestrator, ReleaseEntity
from funchost.durable.entities.ids import EntityKey, entity_key
from funchost.durable.entities.messages import LockRef, Request, Response
from funchost.durable.entity_calls import EntityTask
from funchost.durable.sdk import TaskState
from funchost.durable.tasks import AtomicTask, Scheduler
from funchost.errors import LockingRulesViolation

__all__ = ["CriticalSection", "EntityLock", "LockTask"]

_RUNNING = TaskState.RUNNING
_SUCCEEDED = TaskState.SUCCEEDED


class Asker(Protocol):
    """What a critical section needs of the execution it belongs to."""

    @property
    def hears_code(self) -> bool:
        """False while the code is being closed and after it asked to continue as new: what it asks has no effect."""
        ...

    def ask(self, action: Action) -> None:
        """Number ``action`` and ask for it, whether the code is heard or not."""
        ...


class CriticalSection:
    """The one critical section that an execution can be in at a time, and its rules.

    The ``against_…`` methods say why the code may not ask for something now; None when it may.
    """

    def __init__(self, asker: Asker) -> None:
        self.lock: LockTask | None = None
        """Asked for, and not yet released."""
        self._asker = asker
        self._calls: dict[EntityKey, AtomicTask] = {}

    @property
    def held(self) -> tuple[EntityKey, ...]:
        """The entities that the execution has to itself now."""
        lock = self.lock
        return lock.entities if lock is not None and lock.state is _SUCCEEDED else ()

    @property
    def hears_code(self) -> bool:
        return self._asker.hears_code

    def leave(self) -> None:
        """Release every entity of the lock, also of one that is still on its way to some of them."""
        lock, self.lock = self.lock, None
        self._calls.clear()
        if lock is not None:
            for entity in lock.entities:
                self._asker.ask(ReleaseEntity(-1, entity, lock.request))

    def admit(self, task: AtomicTask) -> LockingRulesViolation | None:
        """The rules again, when ``task`` is asked for: it may have been made before the lock was."""
        action = task.action_repr
        if isinstance(action, CallSubOrchestrator):
            return self.against_child()
        if not isinstance(action, AskEntity):
            return None
        if isinstance(task, LockTask):
            return self.against_lock()
        violation = self.against_call(action.entity)
        if violation is None:
            self._calls[action.entity] = task
        return violation

    def against_lock(self) -> LockingRulesViolation | None:
        if self.lock is None:
            return None
        return LockingRulesViolation(
            "Cannot acquire more locks when already holding some locks. A critical section cannot be nested in "
            f"another: {self._state} Lock all entities at once, with one context.lock(...)."
        )

    def against_child(self) -> LockingRulesViolation | None:
        if self.lock is None:
            return None
        return LockingRulesViolation(f"While holding locks, cannot call suborchestrators. {self._state}")

    def against_signal(self, entity: EntityKey) -> LockingRulesViolation | None:
        if self.lock is None or entity not in self.lock.entities:
            return None
        return LockingRulesViolation(
            f"While holding locks, cannot signal entities whose lock is held. {self._state} "
            f"Call '{entity}' instead, or signal it after the release."
        )

    def against_call(self, entity: EntityKey) -> LockingRulesViolation | None:
        lock = self.lock
        if lock is None:
            return None
        earlier = self._calls.get(entity)
        unanswered = earlier is not None and earlier.state is _RUNNING
        if entity in self.held and not unanswered:
            return None
        again = f" An earlier call of '{entity}' is not answered yet." if unanswered else ""
        return LockingRulesViolation(
            f"While holding locks, cannot call entities whose lock is not held. '{entity}' was called. "
            f"{self._state}{again}"
        )

    @property
    def _state(self) -> str:
        assert self.lock is not None
        names = ", ".join(f"'{entity}'" for entity in self.lock.entities)
        if self.lock.state is _RUNNING:
            return f"The lock of {names} is asked for and not yet granted: wait for it, or release() it."
        return f"Locked: {names}."


class EntityLock:
    """Granted locks: what yielding ``context.lock(...)`` gives. Leaving its ``with`` block releases them."""

    def __init__(self, task: "LockTask") -> None:
        self._task = task

    @property
    def entities(self) -> tuple[EntityKey, ...]:
        """In the order in which they were locked."""
        return self._task.entities

    @property
    def is_held(self) -> bool:
        return self._task.is_held

    def release(self) -> None:
        """Give the entities back; doing it again has no effect."""
        self._task.release()

    def __enter__(self) -> "EntityLock":
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


class LockTask(EntityTask[EntityLock]):
    """The request to lock some entities; its result is an :class:`EntityLock`.

    In an ``async def`` orchestrator it is a context manager itself: ``async with context.lock(a, b):``.
    """

    def __init__(self, scheduler: Scheduler, section: CriticalSection, entities: Iterable[Any]) -> None:
        """Raises ValueError when there are no entities, or one that is none."""
        self.entities = tuple(sorted({entity_key(entity) for entity in entities}))
        if not self.entities:
            raise ValueError("context.lock(...) takes the ids of one or more entities")
        self.request = Request(op=None, id="", lockset=[LockRef(e.name, e.key) for e in self.entities])
        self._section = section
        super().__init__(scheduler, AskEntity(-1, self.entities[0], self.request))

    @property
    def is_held(self) -> bool:
        """Granted, and not yet released."""
        return self._section.lock is self and self.state is _SUCCEEDED

    def answered(self, response: Response) -> None:
        if response.error is None:
            self.complete(EntityLock(self))
            return
        # Those before the one that refused are locked already.
        if self._section.lock is self:
            self._section.leave()
        self.complete(Exception(response.error), failed=True)

    def release(self) -> None:
        """Give the entities back. A lock that is not granted yet is withdrawn: to wait for it then fails."""
        if not self._section.hears_code:
            return
        if self._section.lock is self:
            self._section.leave()
        self._is_scheduled_flag = True
        self.complete(LockingRulesViolation("This lock was released before it was granted."), failed=True)

    async def __aenter__(self) -> EntityLock:
        return await self

    async def __aexit__(self, *exc: object) -> None:
        self.release()

    def __enter__(self) -> NoReturn:
        raise TypeError("a lock must be waited for: with (yield context.lock(...)):, or async with context.lock(...):")

    def __exit__(self, *exc: object) -> None:
        raise AssertionError("never entered")
