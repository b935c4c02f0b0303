"""Tasks of classes that are not ours: what a library derives from the SDK's ``CompoundTask``.

Such a task is made of ours, counts them itself and gives the results another shape. Made, it sets itself as their
``parent`` and hears of each; what the engine needs of it, when it is yielded or becomes part of a compound of ours, is
which tasks to schedule and when it has come to its end. That is what it is adopted for.
"""

from collections.abc import Collection
from typing import Any

from funchost.durable import sdk
from funchost.durable.tasks import CompoundTask, Scheduler, Task

__all__ = ["adopted", "adopted_all"]

_KEY = "_adopted_by_funchost"


class AdoptedTask(CompoundTask[Any]):
    """Stands for a task of another class, and completes with it."""

    def __init__(self, scheduler: Scheduler, task: Any) -> None:
        self._task = task
        children = [adopted(scheduler, child) for child in getattr(task, "children", ())]
        super().__init__(scheduler, children, type(task).__name__)
        self._made = max((child._made for child in self.children), default=0)
        self._decide_alone()

    @property
    def shown(self) -> Any:
        return self._task

    def _decide(self, child: Task) -> None:
        # Its own count comes first: it was made, and so a parent of its children, before it was adopted.
        self._follow(child)

    def _decide_alone(self) -> None:
        self._follow(None)

    def _follow(self, child: Task | None) -> None:
        state = self._task.state
        if state is not sdk.TaskState.RUNNING:
            self.complete(self._task.result, failed=state is sdk.TaskState.FAILED, through=child)


def adopted(scheduler: Scheduler, task: Any) -> Any:
    """Of a task that a library made of ours, or completed itself, the task that stands for it; all else as it is."""
    if isinstance(task, Task) or not isinstance(task, sdk.TaskBase):
        return task
    if not isinstance(task, sdk.CompoundTask) and task.state is sdk.TaskState.RUNNING:
        return task  # nobody would ever complete it
    standing = vars(task).get(_KEY)
    if standing is None:
        standing = vars(task)[_KEY] = AdoptedTask(scheduler, task)
    return standing


def adopted_all(scheduler: Scheduler, tasks: Any) -> Any:
    """The same for the tasks of a compound."""
    if not isinstance(tasks, Collection) or all(isinstance(task, Task) for task in tasks):
        return tasks
    kind = set if isinstance(tasks, (set, frozenset)) else list
    return kind(adopted(scheduler, task) for task in tasks)
