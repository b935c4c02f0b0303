"""Calls of entities and signals to them, and the answers.

A request is an event that is sent to the entity; its answer is an event that is raised here under the request's
id. That id is what the history says: an engine that wrote it before may have drawn another than this one would.
"""

from typing import Any

from funchost.durable import payloads
from funchost.durable.actions import AskEntity
from funchost.durable.entities.ids import entity_key
from funchost.durable.entities.messages import (
    EntityMessageError,
    Request,
    Response,
    operation_name,
    read_response,
    signal_request,
)
from funchost.durable.events import EventRaised
from funchost.durable.tasks import AtomicTask, T_co
from funchost.instant import Instant

__all__ = ["EntityTask", "Requests", "call_of", "signal_of"]


class EntityTask(AtomicTask[T_co]):
    """A call of an entity; a failure raises an ``Exception`` with the text of the entity's error."""

    def answered(self, response: Response) -> None:
        if response.error is not None:
            self.complete(Exception(response.error), failed=True)
        else:
            self.complete_with_payload(response.result)


class Requests:
    """What was asked of entities in this execution. None of it keeps the execution open."""

    def __init__(self) -> None:
        self._unsent: dict[int, EntityTask] = {}
        # Answered ones stay, as None: a message may come twice, and the second is no external event either.
        self._sent: dict[str, EntityTask | None] = {}

    def opened(self, number: int, task: EntityTask) -> None:
        self._unsent[number] = task

    def sent(self, number: int, request: str) -> None:
        """The history now says under which id the answer will come; nobody waits for that of a signal."""
        task = self._unsent.pop(number, None)
        if task is not None:
            self._sent[request] = task

    def drop_all(self) -> None:
        self._unsent.clear()
        self._sent.clear()

    def takes(self, event: EventRaised) -> bool:
        """Whether the event answers a request; the first answer counts, and one that cannot be read is a failure."""
        if event.name not in self._sent:
            return False
        task, self._sent[event.name] = self._sent[event.name], None
        if task is not None:
            try:
                response = read_response(event.input)
            except EntityMessageError as exc:
                response = Response(error=str(exc))
            task.answered(response)
        return True


def call_of(entity: Any, operation: Any, argument: Any) -> AskEntity:
    """Raises ValueError for ids and operations that are none, TypeError for what cannot be serialised."""
    key = entity_key(entity)
    request = Request(op=operation_name(operation), input=payloads.stored_input(argument), id="")
    return AskEntity(-1, key, request)


def signal_of(entity: Any, operation: Any, argument: Any, due: Instant | None) -> AskEntity:
    """Raises as :func:`call_of`; ``due`` None is at once."""
    key = entity_key(entity)
    return AskEntity(-1, key, signal_request(operation, payloads.stored_input(argument), request_id="", due=due))
