"""Builds the durable side of a host from an app: its functions, the engine, the worker on the task hub.

Imported only for apps that have durable functions: the engine needs the SDK's durable package, which
takes longer to import than everything else.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from funchost.app.spec import FunctionApp, FunctionSpec
from funchost.clock import Clock, new_guid
from funchost.determinism import DeterminismGuard
from funchost.durable import texts
from funchost.durable.execution import EngineSettings
from funchost.durable.functions import DurableFunctions, Entity, FunctionNames, Orchestrator
from funchost.durable.status import RuntimeStatus
from funchost.durable.versions import VersionMatch
from funchost.ids import ExecutionId, InstanceId, WorkerId
from funchost.invocation.current import labelled
from funchost.invocation.invoker import Invoker
from funchost.service.entities import entity_side
from funchost.settings import Settings
from funchost.taskhub import ActivityWork, TaskHub
from funchost.taskhub.worker.activity import Activity, encode
from funchost.taskhub.worker.advance import Advance, Engine
from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.taskhub.worker.limits import Limits
from funchost.taskhub.worker.orchestrations import EpisodeLog
from funchost.taskhub.worker.slots import Threads
from funchost.taskhub.worker.transitions import LifeObserver
from funchost.taskhub.worker.worker import OrchestrationWorker

__all__ = ["build_worker", "durable_functions", "worker_limits"]

EPISODE_THREADS = 2
"""Reserved: they keep orchestrators moving when user code blocks every other thread."""

_COMPARE_EVERY = 64
"""In development so many resumed episodes, of all instances together, lead to one that is replayed as well."""


def durable_functions(app: FunctionApp) -> DurableFunctions:
    """The durable functions that can run; disabled and broken ones count as not there."""
    running = [f for f in app.functions if f.runs]
    orchestrators = [f for f in running if f.trigger.kind == "orchestrationtrigger"]
    activities = [f for f in running if f.trigger.kind == "activitytrigger"]
    entities = [f for f in running if f.trigger.kind == "entitytrigger"]
    return DurableFunctions(
        [Orchestrator(f.durable_name, f.call, f.input_type) for f in orchestrators],
        [f.durable_name for f in activities],
        {alias: f.durable_name for f in (*orchestrators, *activities, *entities) for alias in f.aliases},
        entities=[Entity(f.durable_name, f.call) for f in entities],
        references=FunctionNames(
            [
                *(("orchestrator", f.call, f.durable_name) for f in orchestrators),
                *(("activity", f.call, f.durable_name) for f in activities),
                *(("entity", f.call, f.durable_name) for f in entities),
            ]
        ),
    )


def worker_limits(settings: Settings) -> Limits:
    """Ten a processor, as the reference host does, unless host.json says otherwise."""
    default = 10 * (os.cpu_count() or 1)
    durable = settings.durable
    activities = durable.max_concurrent_activities or default
    return Limits(
        activities=activities,
        episodes=durable.max_concurrent_orchestrators or default,
        claim_ahead=max(64, 4 * activities),
        kept_code=KeptCodeLimits(
            idle=durable.extended_session_idle if durable.extended_sessions else None,
            instances=durable.max_extended_sessions,
            compare_every=_COMPARE_EVERY if settings.development else None,
        ),
        function_timeout=settings.function_timeout,
    )


def build_worker(
    hub: TaskHub,
    app: FunctionApp,
    functions: DurableFunctions,
    settings: Settings,
    invokers: Mapping[str, Invoker],
    *,
    built_in: Sequence[Activity],
    user_threads: Threads,
    episode_threads: Threads,
    entity_threads: Threads,
    clock: Clock,
    drain: timedelta,
    observer: LifeObserver | None = None,
) -> OrchestrationWorker:
    """``functions`` are the durable ones of ``app``. ``invokers`` holds the prepared functions by name; activities
    among them become runnable, beside those that every app has. ``observer`` is told of the lives of orchestrations."""
    activities: dict[str, Activity] = {activity.name.lower(): activity for activity in built_in}
    activities |= {
        function.durable_name.lower(): _InvokedActivity(function, invokers[function.name])
        for function in app.functions
        if function.runs and function.trigger.kind == "activitytrigger" and function.name in invokers
    }
    durable = settings.durable
    engine = Engine(
        functions,
        EngineSettings(
            max_actions=durable.max_orchestration_actions,
            default_version=durable.default_version,
            version_match=VersionMatch(durable.version_match),
            fail_other_versions=durable.fail_other_versions,
            store_inputs=durable.store_inputs,
            http_poll_ms=durable.http_poll_ms,
        ),
        labelled,
        lambda: ExecutionId(new_guid()),
        DeterminismGuard(_warn) if settings.development and durable.determinism_warnings else None,
    )
    return OrchestrationWorker(
        hub,
        WorkerId(new_guid()),
        engine,
        activities,
        user_threads=user_threads,
        episode_threads=episode_threads,
        clock=clock,
        limits=worker_limits(settings),
        log=_Log(),
        entities=entity_side(app, functions, settings, entity_threads),
        observer=observer,
        drain_timeout=drain,
    )


def _warn(orchestrator: str, line: str) -> None:
    logging.getLogger(f"Function.{orchestrator}").warning("%s", line)


class _InvokedActivity:
    """An activity behind its invoker, which logs, builds parameters and handles further bindings."""

    def __init__(self, function: FunctionSpec, invoker: Invoker) -> None:
        self.name = function.durable_name
        self.is_async = invoker.needs_loop
        self._invoker = invoker.answering(encode)

    def call(self, argument: Any, work: ActivityWork) -> str | None:
        return self._invoker.call(argument, instance_id=work.instance, reason=_REASON)

    async def call_async(self, argument: Any, work: ActivityWork) -> str | None:
        return await self._invoker.acall(argument, instance_id=work.instance, reason=_REASON)


_REASON = "(null)"


class _Log(EpisodeLog):
    """One line when an orchestration ends, under the category of its function; every episode at DEBUG."""

    def __init__(self) -> None:
        self._loggers: dict[str, logging.Logger] = {}

    def ran(self, instance: InstanceId, result: Advance, took_s: float) -> None:
        logger = self._loggers.get(result.name)
        if logger is None:
            logger = self._loggers[result.name] = logging.getLogger(f"Function.{result.name}")
        if result.ended is RuntimeStatus.FAILED:
            # The first line of the error: an activity has told of its failure in full, and the output holds all of it.
            error, traceback = texts.parts_of_failure_details(result.error or "")
            logger.error(
                "Orchestration '%s' of '%s' failed: %s%s",
                instance,
                result.name,
                error.split("\n", 1)[0].rstrip(),
                f"\n{texts.for_people(traceback)}" if traceback else "",
                extra=_extra(instance),
            )
        elif result.ended is not None and not result.name:
            # What it was to run stands in its start, which has not come: it was scheduled for later.
            logger.info(
                "Orchestration '%s' ended before it began: %s", instance, result.ended.value, extra=_extra(instance)
            )
        elif result.ended is not None:
            logger.info(
                "Orchestration '%s' of '%s' ended: %s",
                instance,
                result.name,
                result.ended.value,
                extra=_extra(instance),
            )
        elif logger.isEnabledFor(logging.DEBUG):
            logger.debug("Episode of '%s' took %.1f ms", instance, took_s * 1000, extra=_extra(instance))


def _extra(instance: InstanceId) -> dict[str, str]:
    return {"instance_id": instance}
