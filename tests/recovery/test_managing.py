"""Managing instances whose orchestrators really run: rewinding, ending families, starting later, versions."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from funchost.clock import SystemClock
from funchost.durable.entities.ids import EntityKey
from funchost.durable.events import ExecutionCompleted
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus
from funchost.errors import InvalidOperation
from funchost.ids import InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import Instance
from funchost.taskhub.client import HubClient
from recovery.host import LIMIT_S, Folder
from recovery.working import Working, end_of, working

ANY = frozenset(RuntimeStatus)


class Breakable:
    """Activities fail while it is broken."""

    def __init__(self) -> None:
        self.broken = True
        self.calls: list[Any] = []

    def work(self, argument: Any) -> Any:
        self.calls.append(argument)
        if self.broken and argument == "fragile":
            raise ValueError("broken")
        return argument


def client(here: Working, *orchestrators: str, **options: Any) -> HubClient:
    names = {name: name for name in orchestrators}
    return HubClient(here.hub, SystemClock(), orchestrators=names, **options)


async def became(here: Working, instance: str, holds: Callable[[Instance], bool]) -> Instance:
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await here.hub.read(InstanceId(instance))
            if found is not None and holds(found):
                return found
            await asyncio.sleep(0.002)


async def has_status(here: Working, instance: str, status: RuntimeStatus) -> Instance:
    return await became(here, instance, lambda found: found.status is status)


def steps(context: Any) -> Any:
    first = yield context.call_activity("work", "good")
    second = yield context.call_activity("work", "fragile")
    return [first, second]


def parent(context: Any) -> Any:
    before = yield context.call_activity("work", "parent")
    return [before, *(yield context.call_sub_orchestrator("steps", None, "child"))]


def waiting(context: Any) -> Any:
    yield context.wait_for_external_event("go")


def family(context: Any) -> Any:
    yield context.task_all([context.call_sub_orchestrator("waiting", None, f"kid{n}") for n in range(3)])


async def with_a_family(here: Working) -> HubClient:
    """A client of the hub, in which all of the family's children wait now."""
    await here.start("family")
    for n in range(3):
        await has_status(here, f"kid{n}", RuntimeStatus.RUNNING)
    return client(here)


async def test_a_rewound_family_completes_without_doing_its_work_twice(folder: Folder):
    app = Breakable()
    async with working(folder, {"steps": steps, "parent": parent}, {"work": app.work}) as here:
        instance = await here.start("parent")
        assert (await end_of(here.hub, instance)).status is RuntimeStatus.FAILED
        app.broken = False
        await client(here).rewind("parent", "repaired")
        ended = await end_of(here.hub, instance)
        assert (ended.status, ended.output) == (RuntimeStatus.COMPLETED, '["parent", "good", "fragile"]')
        assert app.calls == ["parent", "good", "fragile", "fragile"]


async def test_a_rewound_instance_shows_that_it_runs(folder: Folder):
    def flow(context: Any) -> Any:
        yield context.call_activity("work", "fragile")
        yield context.wait_for_external_event("go")

    app = Breakable()
    async with working(folder, {"flow": flow}, {"work": app.work}) as here:
        await end_of(here.hub, await here.start("flow"))
        app.broken = False
        await client(here).rewind("flow", None)
        assert (await has_status(here, "flow", RuntimeStatus.RUNNING)).output is None


async def test_an_instance_that_fails_again_can_be_rewound_again_even_after_a_restart_of_its_host(folder: Folder):
    app = Breakable()
    async with working(folder, {"steps": steps}, {"work": app.work}) as here:
        await end_of(here.hub, await here.start("steps"))
        await client(here).rewind("steps", None)
        await became(here, "steps", lambda found: found.status is RuntimeStatus.FAILED and len(app.calls) == 3)
    app.broken = False
    async with working(folder, {"steps": steps}, {"work": app.work}) as here:
        await client(here).rewind("steps", None)
        assert (await end_of(here.hub, InstanceId("steps"))).output == '["good", "fragile"]'


async def test_of_many_rewinds_at_once_one_counts(folder: Folder):
    app = Breakable()
    async with working(folder, {"steps": steps, "parent": parent}, {"work": app.work}) as here:
        await end_of(here.hub, await here.start("parent"))
        app.broken = False
        tries = (client(here).rewind("parent", None) for _ in range(8))
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert [each for each in outcomes if each is None]
        assert (await end_of(here.hub, InstanceId("parent"))).status is RuntimeStatus.COMPLETED
        assert app.calls.count("fragile") == 2


async def test_a_failed_child_that_was_purged_is_started_anew(folder: Folder):
    app = Breakable()
    async with working(folder, {"steps": steps, "parent": parent}, {"work": app.work}) as here:
        await end_of(here.hub, await here.start("parent"))
        await client(here).purge("child")
        app.broken = False
        await client(here).rewind("parent", None)
        assert (await end_of(here.hub, InstanceId("parent"))).output == '["parent", "good", "fragile"]'
        assert app.calls.count("good") == 2


async def test_an_answer_of_an_entity_that_came_too_late_is_delivered_after_a_rewind(folder: Folder):
    may_answer = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(context: Any) -> None:
        asyncio.run_coroutine_threadsafe(may_answer.wait(), loop).result(LIMIT_S)
        context.set_result("late")

    app = Breakable()

    def flow(context: Any) -> Any:
        call = context.call_entity(EntityKey("slow", "k"), "ask")
        yield context.task_any([call, context.wait_for_external_event("go")])
        yield context.call_activity("work", "fragile")
        return (yield call)

    async with working(folder, {"flow": flow}, {"work": app.work}, entities={"slow": slow}) as here:
        await here.start("flow")
        hub_client = client(here)
        await hub_client.raise_event(await has_status(here, "flow", RuntimeStatus.RUNNING), "go", "1")
        assert (await end_of(here.hub, InstanceId("flow"))).status is RuntimeStatus.FAILED
        may_answer.set()
        await became(here, "@slow@k", lambda found: found.custom_status is not None)
        app.broken = False
        await hub_client.rewind("flow", None)
        assert (await end_of(here.hub, InstanceId("flow"))).output == '"late"'


async def test_what_failed_in_a_critical_section_is_not_rewound_since_its_locks_are_gone(folder: Folder):
    app = Breakable()

    def careful(context: Any) -> Any:
        with (yield context.lock(EntityKey("tally", "k"))):
            yield context.call_activity("work", "fragile")

    def above(context: Any) -> Any:
        yield context.call_sub_orchestrator("careful", None, "below")

    def tally(context: Any) -> None:
        pass

    flows = {"careful": careful, "above": above}
    async with working(folder, flows, {"work": app.work}, entities={"tally": tally}) as here:
        for name, whose in (("careful", "it"), ("above", "its sub-orchestration below")):
            await end_of(here.hub, await here.start(name))
            with pytest.raises(InvalidOperation) as caught:
                await client(here).rewind(name, None)
            assert f"{whose} failed in a critical section, and the locks of '@tally@k' have" in str(caught.value)
            assert (await has_status(here, name, RuntimeStatus.FAILED)).output is not None


async def test_what_failed_after_a_critical_section_is_rewound(folder: Folder):
    app = Breakable()

    def careful(context: Any) -> Any:
        with (yield context.lock(EntityKey("tally", "k"))):
            yield context.call_entity(EntityKey("tally", "k"), "count")
        return (yield context.call_activity("work", "fragile"))

    def tally(context: Any) -> None:
        context.set_result(1)

    async with working(folder, {"careful": careful}, {"work": app.work}, entities={"tally": tally}) as here:
        await end_of(here.hub, await here.start("careful"))
        app.broken = False
        await client(here).rewind("careful", None)
        assert (await end_of(here.hub, InstanceId("careful"))).output == '"fragile"'


async def test_a_terminated_family_ends_as_a_whole(folder: Folder):
    async with working(folder, {"family": family, "waiting": waiting}, {}) as here:
        hub_client = await with_a_family(here)
        await hub_client.terminate(await hub_client.open("family"), "all", recurse=True)
        for name in ("family", "kid0", "kid1", "kid2"):
            ended = await end_of(here.hub, InstanceId(name))
            assert (ended.status, ended.output) == (RuntimeStatus.TERMINATED, "all")


async def test_children_of_a_terminated_parent_go_on(folder: Folder):
    async with working(folder, {"family": family, "waiting": waiting}, {}) as here:
        hub_client = await with_a_family(here)
        await hub_client.terminate(await hub_client.open("family"), "alone")
        assert (await end_of(here.hub, InstanceId("family"))).output == "alone"
        for n in range(3):
            await hub_client.raise_event(await hub_client.open(f"kid{n}"), "go", "1")
            assert (await end_of(here.hub, InstanceId(f"kid{n}"))).status is RuntimeStatus.COMPLETED


async def test_a_scheduled_start_that_is_terminated_never_runs(folder: Folder):
    app = Breakable()
    async with working(folder, {"steps": steps}, {"work": app.work}) as here:
        hub_client = client(here, "steps")
        soon = Instant(SystemClock().now() + TICKS_PER_SECOND // 5)
        await hub_client.start("steps", instance_id="later", start_at=soon)
        await hub_client.terminate(await hub_client.open("later"), "never mind")
        ended = await end_of(here.hub, InstanceId("later"))
        assert (ended.status, ended.output) == (RuntimeStatus.TERMINATED, "never mind")
        await hub_client.start("steps", instance_id="witness", start_at=Instant(soon + TICKS_PER_SECOND // 10))
        app.broken = False
        await end_of(here.hub, InstanceId("witness"))
        assert app.calls == ["good", "fragile"], "of the witness, which was due after it"


async def test_a_scheduled_start_can_be_suspended_and_resumed(folder: Folder):
    app = Breakable()
    app.broken = False
    async with working(folder, {"steps": steps}, {"work": app.work}) as here:
        hub_client = client(here, "steps")
        await hub_client.start(
            "steps", instance_id="later", start_at=Instant(SystemClock().now() + TICKS_PER_SECOND // 5)
        )
        await hub_client.suspend(await hub_client.open("later"), None)
        await has_status(here, "later", RuntimeStatus.SUSPENDED)
        await hub_client.resume(await hub_client.open("later"), None)
        assert (await end_of(here.hub, InstanceId("later"))).output == '["good", "fragile"]'


async def test_a_replaced_instance_gives_back_its_locks(folder: Folder):
    def holder(context: Any) -> Any:
        with (yield context.lock(EntityKey("tally", "k"))):
            yield context.wait_for_external_event("never")

    def taker(context: Any) -> Any:
        with (yield context.lock(EntityKey("tally", "k"))):
            return "mine"

    def tally(context: Any) -> None:
        pass

    flows = {"holder": holder, "taker": taker}
    async with working(folder, flows, {}, entities={"tally": tally}) as here:
        hub_client = client(here, "holder", "taker")
        await hub_client.start("holder", instance_id="x")
        locked = '"lockedBy":"x"'
        await became(here, "@tally@k", lambda found: locked in (found.input or "").replace(" ", ""))
        await hub_client.start("taker", instance_id="x", replacing=ANY)
        assert (await end_of(here.hub, InstanceId("x"))).output == '"mine"'


async def test_tags_go_on_to_children_and_generations(folder: Folder):
    def head(context: Any) -> Any:
        if context.get_input() is None:
            context.continue_as_new("again")
            return None
        return (yield context.call_sub_orchestrator("tail", None, "tail"))

    def tail(context: Any) -> Any:
        yield context.wait_for_external_event("go")

    async with working(folder, {"head": head, "tail": tail}, {}) as here:
        await client(here, "head").start("head", instance_id="head", tags={"team": "red"}, version="7")
        child = await has_status(here, "tail", RuntimeStatus.RUNNING)
        head_now = await has_status(here, "head", RuntimeStatus.RUNNING)
        assert (child.tags, child.version) == ({"team": "red"}, "")
        assert (head_now.tags, head_now.version) == ({"team": "red"}, "7")


async def test_an_instance_of_a_newer_version_waits_for_a_newer_host(folder: Folder):
    def flow(context: Any) -> Any:
        yield context.call_activity("work", "x")
        return context.version

    async def run(host_version: str, *starts: str) -> None:
        settings = EngineSettings(default_version=host_version)
        async with working(folder, {"flow": flow}, {"work": Breakable().work}, settings=settings) as here:
            for version in starts:
                await client(here, "flow").start("flow", instance_id=f"v{version}", version=version)
            await end_of(here.hub, InstanceId(f"v{host_version}"))
            newer = await here.hub.read(InstanceId("v2.0"))
            assert newer is not None
            assert (newer.status is RuntimeStatus.PENDING) == (host_version == "1.0")

    await run("1.0", "2.0", "1.0")
    await run("2.0")


async def test_an_instance_of_a_newer_version_fails_where_that_is_wished(folder: Folder):
    settings = EngineSettings(default_version="1.0", fail_other_versions=True)
    async with working(folder, {"waiting": waiting}, {}, settings=settings) as here:
        await client(here, "waiting").start("waiting", instance_id="new", version="2.0")
        ended = await end_of(here.hub, InstanceId("new"))
        assert (ended.output or "").startswith("Orchestration version did not comply with Worker Versioning")
        end = (await here.hub.history(ended.id))[-2]
        assert isinstance(end, ExecutionCompleted)
        assert end.failure is not None
        assert end.failure.error_type == "VersionMismatch"
