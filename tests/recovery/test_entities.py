"""Entities driven by a worker on the embedded store: batches, clocks that run out, workers that stop."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.durable_functions import EntityId

from funchost.clock import SystemClock
from funchost.durable import payloads
from funchost.durable.entities.batch import Operation
from funchost.durable.entities.ids import EntityKey
from funchost.durable.entities.messages import Request
from funchost.durable.entities.outbox import Start
from funchost.durable.entities.state import read_state
from funchost.durable.events import EventRaised
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import HubWorker, Outcome, Snapshot
from funchost.taskhub.entity_client import EntityClient
from funchost.taskhub.worker.limits import Limits
from recovery.host import LIMIT_S, Folder
from recovery.working import Working, at_most, working
from recovery.wrapped import WorkerWrapper

NOT_AT_ALL_S = 0.2
"""How long the absence of something is watched."""

K = EntityKey("tally", "k")


def tally(context: Any) -> None:
    match context.operation_name:
        case "add":
            context.set_state([*context.get_state(list), context.get_input()])
        case "fail":
            raise ValueError("no")
        case "delete":
            context.destruct_on_exit()
        case "start":
            context.start_new("flow", instance_id="started")
        case "pass on":
            context.signal_entity(EntityKey("tally", context.get_input()), "add", "passed on")
        case other:
            raise AssertionError(other)


def client(here: Working) -> EntityClient:
    return EntityClient(here.hub, SystemClock(), functions={"tally": "tally", "slow": "slow"})


async def signal(
    here: Working, operation: str, value: Any = None, *, key: EntityKey = K, due: Instant | None = None
) -> None:
    await client(here).signal(key, operation, payloads.wrap(payloads.encode(value)), due=due)


async def state_of(here: Working, key: EntityKey, holds: Callable[[Any], bool]) -> Any:
    """The state once it is as the test wants it."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            text = await client(here).state(key)
            value = None if text is None else payloads.decode(text)
            if holds(value):
                return value
            await asyncio.sleep(0.002)


def has(count: int) -> Callable[[Any], bool]:
    return lambda value: value is not None and len(value) == count


async def test_signals_change_the_state_in_the_order_of_their_sending(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        for n in range(50):
            await signal(here, "add", n)
        assert await state_of(here, K, has(50)) == list(range(50))


async def test_more_than_a_batch_is_run_in_several_without_a_gap(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}, entity_batch=3) as here:
        await asyncio.gather(*(signal(here, "add", n) for n in range(20)))
        assert sorted(await state_of(here, K, has(20))) == list(range(20))


async def test_an_operation_that_fails_hinders_no_other(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        await asyncio.gather(signal(here, "add", 1), signal(here, "fail"), signal(here, "add", 2))
        assert sorted(await state_of(here, K, has(2))) == [1, 2]


async def test_a_deleted_entity_is_gone_and_may_come_back(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        await signal(here, "add", 1)
        await signal(here, "delete")
        assert await state_of(here, K, lambda value: value is None) is None
        await signal(here, "add", 2)
        assert await state_of(here, K, has(1)) == [2]


async def test_an_entity_signals_another_and_starts_an_orchestration(folder: Folder) -> None:
    async with working(folder, {"flow": lambda context: "ran"}, {}, entities={"tally": tally}) as here:
        await signal(here, "pass on", "other")
        await signal(here, "start")
        assert await state_of(here, EntityKey("tally", "other"), has(1)) == ["passed on"]
        assert (await here.end_of(InstanceId("started"))).output == '"ran"'


async def test_a_start_that_meets_an_instance_is_told_of_and_changes_nothing(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    def waits(context: Any) -> Any:
        yield context.wait_for_external_event("never")

    async with working(folder, {"flow": waits}, {}, entities={"tally": tally}) as here:
        await here.start("flow", instance="started")
        await signal(here, "start")
        await signal(here, "add", 1)
        await state_of(here, K, has(1))
        await signal(here, "add", 2)
        await state_of(here, K, has(2))
    assert "already exists" in caplog.text


async def test_a_scheduled_signal_runs_at_its_time_and_not_before(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        due = Instant(SystemClock().now() + TICKS_PER_SECOND // 5)
        await signal(here, "add", "late", due=due)
        await signal(here, "add", "early")
        assert await state_of(here, K, has(1)) == ["early"]
        assert await state_of(here, K, has(2)) == ["early", "late"]
        assert SystemClock().now() >= due


async def test_asynchronous_entity_functions_are_awaited(folder: Folder) -> None:
    async def later(context: Any) -> None:
        await asyncio.sleep(0)
        context.set_state([context.get_input()])

    async with working(folder, {}, {}, entities={"tally": later}) as here:
        await signal(here, "add", 1)
        assert await state_of(here, K, has(1)) == [1]


async def test_what_has_run_survives_a_worker_that_stops(folder: Folder) -> None:
    for n in range(3):
        async with working(folder, {}, {}, entities={"tally": tally}) as here:
            await signal(here, "add", n)
            assert await state_of(here, K, has(n + 1)) == list(range(n + 1))


async def test_a_hanging_entity_keeps_no_other_waiting(folder: Folder) -> None:
    go = threading.Event()

    def slow(context: Any) -> None:
        go.wait(LIMIT_S)

    async with working(folder, {}, {}, entities={"tally": tally, "slow": slow}) as here:
        await signal(here, "hang", key=EntityKey("slow", "s"))
        await signal(here, "add", 1)
        assert await state_of(here, K, has(1)) == [1]
        go.set()


class _Told:
    def __init__(self) -> None:
        self.operations = list[Operation]()
        self.heard = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def ran(self, entity: EntityKey, operations: Sequence[Operation], took_s: float) -> None:
        self.operations += operations
        self._loop.call_soon_threadsafe(self.heard.set)


@pytest.mark.parametrize("hang", [lambda: time.sleep(LIMIT_S), lambda: [None for _ in iter(int, 1)]])
async def test_every_operation_of_a_batch_hears_of_its_time_limit_and_the_state_stays(
    folder: Folder, hang: Callable[[], Any]
) -> None:
    def hangs(context: Any) -> None:
        context.set_state(["never stored"])
        if context.operation_name == "hang":
            hang()

    told = _Told()
    limits = Limits(function_timeout=timedelta(seconds=0.1))
    async with working(folder, {}, {}, entities={"tally": hangs}, limits=limits, entity_log=told) as here:
        await signal(here, "hang")
        await at_most(told.heard.wait())
        (failed,) = told.operations
        assert (failed.error or "").startswith("Timeout value of ")
        assert await client(here).state(K) is None
        told.heard.clear()
        await signal(here, "add")
        assert await state_of(here, K, has(1)) == ["never stored"]


PAUSE = threading.Event()
"""Is never set."""


def in_a_row(*operations: tuple[str, Any]) -> Callable[[Any], Any]:
    """An orchestrator whose signals reach the entity together."""

    def flow(context: Any) -> None:
        for name, value in operations:
            context.signal_entity(EntityId("tally", "k"), name, value)

    return flow


async def test_operations_that_come_together_may_take_longer_than_the_limit_of_one(folder: Folder) -> None:
    def slow(context: Any) -> None:
        PAUSE.wait(0.1)
        tally(context)

    told, limits = _Told(), Limits(function_timeout=timedelta(seconds=0.5))
    burst = in_a_row(*(("add", n) for n in range(15)))
    async with working(folder, {"flow": burst}, {}, entities={"tally": slow}, limits=limits, entity_log=told) as here:
        await here.start("flow")
        assert await state_of(here, K, has(15)) == list(range(15))
    assert [operation.error for operation in told.operations] == [None] * 15


@pytest.mark.parametrize("hang", [lambda: time.sleep(LIMIT_S), lambda: [None for _ in iter(int, 1)]])
async def test_of_operations_that_come_together_the_one_that_runs_out_of_time_fails_alone(
    folder: Folder, hang: Callable[[], Any]
) -> None:
    def hangs(context: Any) -> None:
        if context.operation_name == "hang":
            hang()
        tally(context)

    told, limits = _Told(), Limits(function_timeout=timedelta(seconds=0.3), timeout_grace_s=0.1)
    flow = in_a_row(("add", 1), ("hang", None), ("add", 2))
    async with working(folder, {"flow": flow}, {}, entities={"tally": hangs}, limits=limits, entity_log=told) as here:
        await here.start("flow")
        assert await state_of(here, K, has(2)) == [1, 2]
    assert [operation.request.op for operation in told.operations if operation.error] == ["hang"]


async def test_a_state_that_is_not_serialised_in_time_fails_what_set_it_and_the_entity_goes_on(folder: Folder) -> None:
    class Endless:
        def to_json(self) -> str:
            while True:
                pass

    def spoils(context: Any) -> None:
        tally(context)
        if context.get_input() == "spoil":
            context.set_state([Endless()])

    told, limits = _Told(), Limits(function_timeout=timedelta(seconds=0.3))
    flow = in_a_row(("add", "spoil"), ("add", 1))
    async with working(folder, {"flow": flow}, {}, entities={"tally": spoils}, limits=limits, entity_log=told) as here:
        await here.start("flow")
        assert await state_of(here, K, has(1)) == [1]
    assert [operation.error is None for operation in told.operations] == [False, True]


UNSTORABLE = InstanceId("x\ud800")


def signal_without_a_name(context: Any) -> None:
    context.signals.append((EntityKey("tally", "other"), Request(op=cast(str, object()), signal=True, id="1")))


def signal_to_no_text(context: Any) -> None:
    context.signals.append((EntityKey("tally", UNSTORABLE), Request(op="add", signal=True, id="1")))


def start_without_an_id(context: Any) -> None:
    context.starts.append(Start("flow", UNSTORABLE, None))


@pytest.mark.parametrize("send", [signal_without_a_name, signal_to_no_text, start_without_an_id])
async def test_what_cannot_be_stored_fails_the_operations_that_sent_it_and_the_entity_goes_on(
    folder: Folder, send: Callable[[Any], None]
) -> None:
    """Should no check where it is sent have refused it."""

    def sends(context: Any) -> None:
        tally(context)
        if context.get_input() == "send":
            send(context)

    told = _Told()
    async with working(folder, {}, {}, entities={"tally": sends}, entity_log=told) as here:
        await signal(here, "add", "send")
        await at_most(told.heard.wait())
        await signal(here, "add", 1)
        assert await state_of(here, K, has(1)) == [1]
    assert (told.operations[0].error or "").startswith("what the entity @tally@k sends cannot be stored: ")


async def test_an_unreadable_state_is_left_as_it_is_and_the_others_go_on(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        await signal(here, "add", 1)
        await state_of(here, K, has(1))
    damage(folder, K.instance_id)
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        await signal(here, "add", 2)
        other = EntityKey("tally", "other")
        await signal(here, "add", 3, key=other)
        assert await state_of(here, other, has(1)) == [3]
        stored = await here.hub.read(K.instance_id)
        assert stored is not None
        assert stored.input == "{"


class Refusing(WorkerWrapper):
    """Refuses the first batch, as if another worker had been faster; nothing of it is written."""

    def __init__(self, inner: HubWorker) -> None:
        super().__init__(inner)
        self._refused = False

    def commit(self, episode: Any, outcome: Outcome, then: Callable[[Any], None]) -> None:
        if isinstance(outcome.change, Snapshot) and not self._refused:
            self._refused = True
            # The token of yesterday: the hub itself refuses it.
            token = episode.session.token._replace(fence=0)
            episode = type(episode)(
                type(episode.session)(episode.session.instance, episode.session.execution, token, None),
                episode.messages,
            )
        super().commit(episode, outcome, then)


async def test_a_batch_that_was_refused_is_run_again_from_the_store(folder: Folder) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}, wrap=Refusing) as here:
        await signal(here, "add", 1)
        await signal(here, "add", 2)
        assert await state_of(here, K, has(2)) == [1, 2]


def damage(folder: Folder, instance: InstanceId) -> None:
    connection = sqlite3.connect(folder.database)
    with connection:
        connection.execute(
            "UPDATE execution SET input = '{' WHERE key = (SELECT execution FROM instance WHERE id = ?)", (instance,)
        )
    connection.close()


async def test_a_raised_event_that_is_no_request_is_dropped_with_a_line(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(folder, {}, {}, entities={"tally": tally}) as here:
        await here.hub.send(K.instance_id, EventRaised(timestamp=SystemClock().now(), name="op", input="nonsense"))
        await signal(here, "add", 1)
        assert await state_of(here, K, has(1)) == [1]
        stored = await here.hub.read(K.instance_id)
        assert stored is not None
        assert not read_state(stored.input).queue
    assert "not a request to an entity" in caplog.text


async def test_a_batch_that_ends_after_its_worker_has_left_hands_nothing_to_the_hub(folder: Folder) -> None:
    begun, go, over, committed = (threading.Event() for _ in range(4))

    def slow(context: Any) -> None:
        begun.set()
        go.wait(LIMIT_S)
        over.set()

    class Telling(WorkerWrapper):
        def commit(self, episode: Any, outcome: Outcome, then: Callable[[Any], None]) -> None:
            committed.set()
            super().commit(episode, outcome, then)

    async with working(folder, {}, {}, entities={"tally": slow}, wrap=Telling, drain=timedelta(seconds=0.05)) as here:
        await signal(here, "add")
        assert await asyncio.to_thread(begun.wait, LIMIT_S)
    go.set()
    assert over.wait(LIMIT_S)
    assert not committed.wait(NOT_AT_ALL_S)
