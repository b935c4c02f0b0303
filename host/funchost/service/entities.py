"""Builds the side of a host's worker that runs entities. Imported as :mod:`funchost.service.orchestrations` is."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from datetime import timedelta
from typing import Any

from funchost.app.spec import FunctionApp
from funchost.clock import new_guid, new_uuid
from funchost.durable.entities.batch import BatchEnded, EntityEngine, Operation
from funchost.durable.entities.ids import EntityKey
from funchost.durable.functions import DurableFunctions
from funchost.errors import FunctionTimeout
from funchost.ids import ExecutionId
from funchost.invocation.current import CURRENT, labelled
from funchost.settings import Settings, format_timespan
from funchost.taskhub.worker.entities import EntityLog, EntitySide
from funchost.taskhub.worker.slots import Threads

__all__ = ["entity_limit", "entity_side"]


def entity_limit(settings: Settings) -> int:
    """How many entities may run at a time: ten a processor, as on the reference host, unless host.json says so."""
    return settings.durable.max_concurrent_entities or 10 * (os.cpu_count() or 1)


def entity_side(app: FunctionApp, functions: DurableFunctions, settings: Settings, threads: Threads) -> EntitySide:
    """To be called on the app's event loop, where its coroutines run."""
    durable = settings.durable
    names = {f.durable_name.lower(): f.name for f in app.functions if f.trigger.kind == "entitytrigger"}
    engine = EntityEngine(
        functions,
        new_guid=new_uuid,
        finish=_finisher(asyncio.get_running_loop(), settings.function_timeout),
        max_batch=durable.max_entity_batch,
    )
    return EntitySide(
        engine,
        threads,
        _Log(names),
        variables=lambda name, instance: labelled(names.get(name, name), instance),
        new_execution_id=lambda: ExecutionId(new_guid()),
        default_version=durable.default_version,
    )


def _finisher(loop: asyncio.AbstractEventLoop, limit: timedelta | None) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs an entity's coroutine on ``loop``, the only one that the app's coroutines may run on, and waits for it."""
    limit_s = None if limit is None else limit.total_seconds()

    async def bounded(coroutine: Coroutine[Any, Any, Any]) -> Any:
        timeout = asyncio.timeout(limit_s)
        try:
            async with timeout:
                return await coroutine
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RuntimeError("the entity's code was cancelled, by itself or by what it awaited") from None
        except TimeoutError:
            if not timeout.expired():
                raise
            running = CURRENT.get()
            assert limit is not None
            raise FunctionTimeout("" if running is None else running.function, "", format_timespan(limit)) from None

    def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(bounded(coroutine), loop).result()
        except CancelledError as exc:
            raise BatchEnded("the host stops") from exc

    return finish


class _Log(EntityLog):
    """One line a batch, and one with its traceback for each operation that failed: a caller hears of that, but the
    sender of a signal does not."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def ran(self, entity: EntityKey, operations: Sequence[Operation], took_s: float) -> None:
        function = self._names.get(entity.name, entity.name)
        logger = logging.getLogger(f"Function.{function}")
        extra = {"function": function, "instance_id": entity.instance_id, "duration_s": took_s}
        for operation in operations:
            if operation.error is not None:
                logger.error(
                    "Operation '%s' of entity '%s' failed: %s%s",
                    operation.request.op,
                    entity,
                    operation.error,
                    f"\n{operation.traceback.rstrip()}" if operation.traceback else "",
                    extra=extra,
                )
        if logger.isEnabledFor(logging.INFO):
            names = ", ".join(str(operation.request.op) for operation in operations[:_NAMED])
            more = f" and {len(operations) - _NAMED} more" if len(operations) > _NAMED else ""
            logger.info("Entity '%s' ran %s%s (%.0f ms)", entity, names, more, took_s * 1000, extra=extra)


_NAMED = 3
