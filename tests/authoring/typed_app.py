"""An app as a user with strict type checking writes it. Checked together with the tests; run by test_exports.py."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any, assert_type

import azure.durable_functions as df

import funchost
from funchost import OrchestrationContext, RetryPolicy


def price(order: dict[str, Any]) -> float:
    return 1.5


async def reserve(order: dict[str, Any]) -> bool:
    return True


def child(context: OrchestrationContext) -> Generator[Any, Any, list[str]]:
    yield context.create_timer(timedelta(0))
    return ["done"]


async def later(context: OrchestrationContext) -> bool:
    return context.is_replaying


PATIENT = RetryPolicy(timedelta(seconds=1), 3, backoff_coefficient=2, non_retriable=[ValueError])


async def orchestrator(context: OrchestrationContext) -> str:
    assert_type(await context.call_activity(price), float)
    assert_type(await context.call_activity("price", expected_type=float), float)
    assert_type(await context.call_activity("price", {}), Any)
    assert_type(await context.call_activity_with_retry(price, PATIENT), float)
    assert_type(await context.call_activity_with_retry("price", df.RetryOptions(1000, 3), {}), Any)
    assert_type(await context.call_sub_orchestrator(child), list[str])
    assert_type(await context.call_sub_orchestrator(later), bool)
    assert_type(await context.wait_for_external_event("go", expected_type=int), int)
    assert_type(await context.create_timer(timedelta(seconds=1)), None)
    assert_type(await context.task_all([context.call_activity(price), context.call_activity(price)]), list[float])
    winner = await context.task_any([context.call_activity(price), context.create_timer(timedelta(1))])
    assert_type(await winner, float | None)
    assert_type(context.get_input(dict), dict[Any, Any])
    return assert_type(funchost.__version__, str)


async def checked_only(context: OrchestrationContext) -> None:
    assert_type(await context.call_activity(reserve), bool)
    assert_type(await context.call_entity(df.EntityId("cart", "1"), "total", expected_type=float), float)
    assert_type(await context.call_http("GET", "http://localhost"), dict[str, Any])
    async with context.lock(df.EntityId("cart", "1")) as lock:
        lock.release()
