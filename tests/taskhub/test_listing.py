"""The contract of listing: every filter, in the order of ids, page by page."""

import pytest

from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import Episode, Query, TaskHub
from taskhub.acting import RUNNING, append, commit, raised, start, take_all, working
from taskhub.acting import finish as finished

COMPLETED = frozenset({RuntimeStatus.COMPLETED})


async def filled(hub: TaskHub) -> None:
    """``@counter@x`` pending, a1 completed, a2 running, b1 pending, ü1 completed with tags."""
    async with working(hub) as worker:
        for instance, name in [("a1", "Flow"), ("a2", "Flow"), ("b1", "Other"), ("@counter@x", "@counter")]:
            await start(hub, instance, name=name, input='"big"', tags={"team": "red"} if instance == "a1" else None)
        await start(hub, "ü1", tags={"team": "red", "city": "Zürich"})
        for taken in await take_all(worker, Episode, 5):
            if taken.session.instance in ("a1", "ü1"):
                await commit(worker, taken, finished())
            elif taken.session.instance == "a2":
                await commit(worker, taken, append(raised(), status=RUNNING))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (Query(), ["@counter@x", "a1", "a2", "b1", "ü1"]),
        (Query(name="Flow"), ["a1", "a2", "ü1"]),
        (Query(name="flow"), []),
        (Query(statuses=COMPLETED), ["a1", "ü1"]),
        (Query(statuses=frozenset({RuntimeStatus.RUNNING, RuntimeStatus.PENDING})), ["@counter@x", "a2", "b1"]),
        (Query(name="Flow", statuses=COMPLETED, id_prefix="a"), ["a1"]),
        (Query(id_prefix="a"), ["a1", "a2"]),
        (Query(id_prefix="ü"), ["ü1"]),
        (Query(tags={"team": "red"}), ["a1", "ü1"]),
        (Query(tags={"team": "red", "city": "Zürich"}), ["ü1"]),
        (Query(tags={"team": "red"}, statuses=COMPLETED, name="Flow", id_prefix="a"), ["a1"]),
        (Query(entities=True), ["@counter@x"]),
        (Query(entities=False), ["a1", "a2", "b1", "ü1"]),
        (Query(id_prefix="\U0010ffff"), []),
    ],
)
async def test_filters_hold_together(hub: TaskHub, query: Query, ids: list[str]) -> None:
    await filled(hub)
    assert [instance.id for instance in (await hub.list(query)).instances] == ids


async def test_the_range_of_creation_times_is_inclusive(hub: TaskHub) -> None:
    await filled(hub)
    created = sorted([instance.created for instance in (await hub.list(Query())).instances])
    both = await hub.list(Query(created_from=created[1], created_to=created[3]))
    assert sorted(instance.created for instance in both.instances) == created[1:4]


@pytest.mark.parametrize("query", [Query(top=2), Query(top=2, name="Flow"), Query(top=1, tags={"team": "red"})])
async def test_pages_follow_each_other_without_gap_or_repeat(hub: TaskHub, query: Query) -> None:
    await filled(hub)
    found, page = list[InstanceId](), None
    while True:
        got = await hub.list(query, page=page)
        assert len(got.instances) <= (query.top or 0)
        found += [instance.id for instance in got.instances]
        page = got.next
        if page is None:
            break
    everything = await hub.list(Query(name=query.name, tags=query.tags, top=None))
    assert found == [instance.id for instance in everything.instances]


async def test_a_full_last_page_has_no_next(hub: TaskHub) -> None:
    await filled(hub)
    assert (await hub.list(Query(top=5))).next is None


async def test_payloads_are_left_out_on_demand(hub: TaskHub) -> None:
    await filled(hub)
    with_payloads = (await hub.list(Query(id_prefix="a1"))).instances[0]
    without = (await hub.list(Query(id_prefix="a1", payloads=False))).instances[0]
    assert (with_payloads.input, with_payloads.output) == ('"big"', '"done"')
    assert (without.input, without.output) == (None, None)
