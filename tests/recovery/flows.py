"""The orchestrators of the host under test, and what each of them must come to.

An input is a dict: ``n`` says how much there is to do, ``gate`` after how many steps the flow waits for the event
``go`` (none, if it is absent). No output depends on how often an activity ran.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from azure.durable_functions import RetryOptions

from funchost.durable.functions import DurableFunctions, Entity, Orchestrator
from funchost.durable.status import RuntimeStatus
from recovery.bank import BANK
from recovery.books import BOOKS, keep
from recovery.effects import ACTIVITY_NAMES
from recovery.steps import Code, Flow, add, gate

__all__ = ["FLOWS", "GATED", "SLOW_CODE_S", "functions"]

SLOW_CODE_S = 0.12
"""How long ``slow`` keeps its thread: longer than an answer may wait for an episode in memory."""


def chain(context: Any) -> Code:
    value = 0
    for step in range(context.get_input()["n"]):
        yield from gate(context, step)
        value = yield from add(context, value, "add" if step % 2 else "add_async")
    return value


def fan(context: Any) -> Code:
    n = context.get_input()["n"]
    calls = [context.call_activity("add" if i % 3 else "add_async", i) for i in range(n)]
    answers = yield context.task_all(calls)
    yield from gate(context, 0)
    more = yield context.task_all([context.call_activity("add", i) for i in range(2)])
    return sum(answer["value"] for answer in [*answers, *more])


def retrying(context: Any) -> Code:
    yield from gate(context, 0)
    answer = yield context.call_activity_with_retry("flaky", RetryOptions(10, 20), context.get_input()["n"])
    return (yield from add(context, answer["value"]))


def timers(context: Any) -> Code:
    value = 0
    for step in range(context.get_input()["n"]):
        yield from gate(context, step)
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=20))
        value = yield from add(context, value)
    return value


def race(context: Any) -> Code:
    """The event against a timer that is cancelled; without a gate, a timer against an event that never comes."""
    gated = context.get_input().get("gate") is not None
    wait = timedelta(hours=1) if gated else timedelta(milliseconds=30)
    event = context.wait_for_external_event("go" if gated else "never")
    timer = context.create_timer(context.current_utc_datetime + wait)
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
    value = yield from add(context, 0)
    return ["event" if winner is event else "timer", value]


def family(context: Any) -> Code:
    n = context.get_input()["n"]
    context.set_custom_status("raising")
    yield from gate(context, 0)
    grown = yield context.task_all([context.call_sub_orchestrator("chain", {"n": i + 1}) for i in range(n)])
    context.set_custom_status("grown")
    value = yield from add(context, sum(grown))
    last = yield context.call_sub_orchestrator("chain", {"n": 2}, f"{context.instance_id}-last")
    return value + last


def generations(context: Any) -> Code:
    """Continues as new ``n`` times; in the generation of the gate it waits."""
    given = context.get_input()
    made = given.get("made", 0)
    yield from gate(context, made)
    total = yield from add(context, given.get("total", 0))
    if made + 1 < given["n"]:
        context.continue_as_new({**given, "made": made + 1, "total": total})
        return None
    return total


def slow(context: Any) -> Code:
    """Keeps its thread after each answer, before anything of the episode can be committed."""
    value = 0
    for step in range(context.get_input()["n"]):
        yield from gate(context, step)
        value = yield from add(context, value)
        if not context.is_replaying:
            time.sleep(SLOW_CODE_S)
    return value


def careful(context: Any) -> Code:
    """Handles the failure of an activity and cleans up."""
    yield from gate(context, 0)
    try:
        yield context.call_activity("broken", 1)
    except Exception as exc:
        value = yield from add(context, 1)
        return ["broken on purpose" in str(exc), value]
    return None


def careless(context: Any) -> Code:
    value = yield from add(context, 1)
    yield from gate(context, 0)
    yield context.call_activity("broken", value)


def endless(context: Any) -> Code:
    """Only a termination ends it: it works, and waits for what does not come."""
    value = 0
    while True:
        value = yield from add(context, value)
        yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))


def _n(given: dict[str, Any]) -> int:
    return given["n"]


_PLAIN = {
    "chain": Flow(chain, _n),
    "fan": Flow(fan, lambda given: sum(range(1, given["n"] + 1)) + 3),
    "retrying": Flow(retrying, lambda given: given["n"] + 2),
    "timers": Flow(timers, _n),
    "race": Flow(race, lambda given: ["event" if given.get("gate") is not None else "timer", 1]),
    "family": Flow(family, lambda given: sum(range(1, given["n"] + 1)) + 1 + 2),
    "generations": Flow(generations, _n),
    "slow": Flow(slow, _n),
    "careful": Flow(careful, lambda given: [True, 2]),
    "careless": Flow(careless, lambda given: "broken on purpose", RuntimeStatus.FAILED),
    "endless": Flow(endless, lambda given: "enough", RuntimeStatus.TERMINATED),
}

FLOWS = {**_PLAIN, **BANK}

GATED = tuple(name for name in _PLAIN if name not in ("endless", "slow"))
"""Flows without entities that wait for ``go`` when their input asks for it."""


def functions(
    wrap: Callable[[Callable[[Any], Code]], Callable[[Any], Code]] = lambda call: call,
    entity: Callable[[Any], None] = keep,
) -> DurableFunctions:
    """``wrap`` goes around the code of every orchestrator; ``entity`` is that of every entity."""
    orchestrators = [Orchestrator(name, wrap(flow.call)) for name, flow in FLOWS.items()]
    return DurableFunctions(orchestrators, ACTIVITY_NAMES, entities=[Entity(name, entity) for name in BOOKS])
