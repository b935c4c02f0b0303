"""The installed SDK's executor agrees with this engine, episode by episode.

Left out, because the engine departs on purpose: events that nobody waits for yet are kept in order and used
once (the SDK keeps the last and uses it for ever); a task may be a child of several compounds (the SDK tells
the newest only); yielding None goes on (the SDK stops); a failed ``task_all`` stays failed (the SDK lets it
succeed after all); a wait matches names ignoring case. Retries are compared by what the code sees: who asks
for the further attempts differs.
"""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.driver import INSTANCE
from durable.official import Verdict, official_verdict, our_decisions
from durable.own_values import Money
from durable.programs import (
    ENTITIES,
    Await,
    Call,
    CallEntity,
    Child,
    Compound,
    Expression,
    Fail,
    Look,
    Signal,
    Statement,
    Status,
    Timer,
    activities,
    child,
    interpreted,
)
from durable.releases import needs_central_codec, needs_current_executor
from durable.world import START, Hosted, Mode, World
from funchost.durable.events import EventRaised, HistoryEvent, OrchestratorCompleted
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus
from funchost.instant import TICKS_PER_SECOND, Instant
from funchost.taskhub import Append

pytestmark = needs_current_executor

Code = Callable[[Any], Any]


def episodes(hosted: Hosted) -> Iterator[tuple[list[HistoryEvent], list[HistoryEvent]]]:
    """For each episode the history that it was run on, and with what it decided."""
    history: list[HistoryEvent] = []
    for result in hosted.episodes:
        change = result.outcome.change
        assert isinstance(change, Append)
        arrived = [e for e in change.events if e.event_id < 0 and not isinstance(e, OrchestratorCompleted)]
        yield [*history, *arrived], [*history, *change.events]
        history = [*history, *change.events]


def played(
    code: Code, *, input_: Any = None, seed: int = 0, events: dict[int, str] | None = None, version: str = ""
) -> Hosted:
    random = Random(seed)
    world = World(
        {"main": code, "child": child},
        activities(),
        Mode.REPLAYED,
        settings=EngineSettings(store_inputs=True),
        entities=ENTITIES,
        batch_size=lambda: random.randint(1, 3),
    )
    world.start("main", INSTANCE, input_, version=version)
    for second, name in (events or {}).items():
        due = Instant(START + second * TICKS_PER_SECOND)
        world.post(INSTANCE, EventRaised(timestamp=due, name=name, input=str(second)), due=due)
    world.run()
    return world.instances[INSTANCE]


def assert_agreement(code: Code, hosted: Hosted, *, decisions: bool = True) -> None:
    official: Verdict | None = None
    for before, after in episodes(hosted):
        official = official_verdict(code, before)
        if decisions:
            assert official.asked == our_decisions(after)
    assert official is not None
    if hosted.status is RuntimeStatus.COMPLETED:
        assert official.done
        assert official.output == (None if hosted.output is None else json.loads(hosted.output))
    elif hosted.status is RuntimeStatus.FAILED:
        assert hosted.output == f"Orchestrator function 'main' failed: {official.error}"
    assert official.custom_status == (None if hosted.custom_status is None else json.loads(hosted.custom_status))


# --- programs by hand -------------------------------------------------------------------------------


def flags(context: Any) -> Any:
    seen = [context.is_replaying]
    first = context.call_activity("fast", {"call": "1", "fails": 0})
    yield first
    seen.append(context.is_replaying)
    yield context.task_all([context.call_activity("slow", {"call": "2", "fails": 0}), first])
    seen.append(context.is_replaying)
    yield first
    seen.append(context.is_replaying)
    yield context.call_activity("fast", {"call": "3", "fails": 0})
    yield context.task_all([first])
    seen.append(context.is_replaying)
    context.set_custom_status(seen)
    return [seen, str(context.new_guid()), context.new_uuid(), context.version, context.instance_id]


def race(context: Any) -> Any:
    slow, event = context.call_activity("slower", {"call": "1", "fails": 0}), context.wait_for_external_event("go")
    winner = yield context.task_any([slow, event])
    first = [winner is event, winner == slow, slow.is_completed, event.result, str(slow.state)]
    return [first, (yield slow), [event.id, slow.id]]


def shrinking(context: Any) -> Any:
    waiting = [context.call_activity(name, {"call": name, "fails": 0}) for name in ("slower", "fast", "slow", "fast")]
    order: list[Any] = []
    while waiting:
        winner = yield context.task_any(waiting)
        waiting.remove(winner)
        order.append([winner.result, len(waiting), winner.id])
    return order


def catching(context: Any) -> Any:
    failing = context.call_activity("fast", {"call": "x", "fails": 9})
    texts: list[str] = []
    for _ in range(2):
        try:
            yield failing
        except Exception as error:
            texts.append(str(error))
    try:
        yield context.call_sub_orchestrator("child", True)
    except Exception as error:
        texts.append(str(error).split("StackTrace")[0])
    return texts


def inputs(context: Any) -> Any:
    values = context.get_input()
    for value in values:
        yield context.call_activity("fast", {"call": json.dumps(value), "fails": 0, "value": value})
    return values


def plain(context: Any) -> Any:
    return {"input": context.get_input(), "é": [1.5, None, True]}


def nothing_at_all(context: Any) -> Any:
    yield context.task_all([])
    return [(yield context.task_any([])), context.parent_instance_id]


def without_text(context: Any) -> Any:
    yield context.call_activity("fast", {"call": "1", "fails": 0})
    raise ValueError


def bad_output(context: Any) -> Any:
    yield context.call_activity("fast", {"call": "1", "fails": 0})
    return {1, 2}


def bad_arguments(context: Any) -> Any:
    """Which errors calls raise at once."""
    calls: list[Callable[[], Any]] = [
        lambda: context.call_activity(""),
        lambda: context.call_activity(len),
        lambda: context.call_sub_orchestrator(""),
        lambda: context.call_activity("fast", object()),
        lambda: context.wait_for_external_event(""),
        lambda: context.create_timer("tomorrow"),
        lambda: context.task_all([1]),
        lambda: context.task_any(task for task in ()),
        lambda: context.task_all(None),
    ]
    errors: list[str] = []
    for call in calls:
        try:
            call()
        except Exception as error:
            errors.append(type(error).__name__)
        else:
            errors.append("none")
    yield context.call_activity("fast", {"call": "1", "fails": 0})
    return errors


BY_HAND = [flags, race, shrinking, catching, plain, nothing_at_all, without_text, bad_output, bad_arguments]


@pytest.mark.parametrize("code", BY_HAND, ids=lambda code: code.__name__)
def test_the_sdk_agrees_on(code: Code):
    assert_agreement(code, played(code, events={1: "go"}))


def test_the_sdk_agrees_on_inputs_of_every_kind():
    assert_agreement(inputs, played(inputs, input_=[None, 0, "", "é☃", [], {"a": [1.5]}, True, "null", '"q"']))


@pytest.mark.parametrize("value", [None, "é☃", 5, [1, None], {"a": {"b": 1.5}}])
def test_the_sdk_agrees_on_the_attributes_that_apps_read_though_they_are_private(value: Any):
    def code(context: Any) -> Any:
        yield context.call_activity("fast", {"call": "1", "fails": 0})
        return [context._input, context._instance_id]

    hosted = played(code, input_=value)
    assert hosted.status is RuntimeStatus.COMPLETED
    assert_agreement(code, hosted)


@pytest.mark.parametrize("version", ["", "1.0"])
def test_the_sdk_agrees_on_the_version(version: str):
    def code(context: Any) -> Any:
        yield context.call_activity("fast", {"call": context.version, "fails": 0})
        return context.version

    hosted = played(code, version=version)
    assert hosted.output == json.dumps(version)
    assert_agreement(code, hosted)


def typed(context: Any) -> Any:
    """Which types come out of the input and of an answer, or which errors."""
    told: list[str] = []
    for expected in (None, Money, int):
        try:
            told.append(type(context.get_input(expected_type=expected)).__name__)
        except Exception as error:
            told.append(type(error).__name__)
    try:
        task = context.call_activity("fast", {"call": Money(1), "fails": 0}, expected_type=Money)
    except TypeError:
        return [*told, "refused"]
    return [*told, type((yield task)).__name__]


@needs_central_codec
@pytest.mark.parametrize("strict", ["0", "1"])
def test_the_sdk_agrees_on_types(strict: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", strict)
    hosted = played(typed, input_=Money(5))
    assert_agreement(typed, hosted)
    answers = {"0": ["Money", "Money", "Money", "Money"], "1": ["TypeError", "Money", "TypeError", "refused"]}
    assert json.loads(hosted.output or "") == answers[strict]


# --- random programs --------------------------------------------------------------------------------


KEYS = st.sampled_from("ab")
NAMES = st.sampled_from(["fast", "slow", "slower"])


def compounds(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.builds(Compound, st.sampled_from(["task_all", "task_any"]), st.lists(inner, max_size=4).map(tuple))


def expressions(attempts: st.SearchStrategy[int]) -> st.SearchStrategy[Expression]:
    """Inner compounds do not fail: in the SDK one that does is an internal error of the outer one later."""
    timers = st.builds(Timer, st.integers(0, 8))
    adding = st.builds(CallEntity, KEYS, st.just("add"))
    failing = st.one_of(
        st.builds(Call, NAMES, st.integers(0, 2), attempts),
        st.builds(Child, st.booleans()),
        st.builds(CallEntity, KEYS, st.just("fail")),
        adding,
        timers,
    )
    sound = st.one_of(st.builds(Call, NAMES, st.just(0), attempts), st.just(Child()), adding, timers)
    return st.one_of(failing, compounds(st.one_of(failing, st.recursive(sound, compounds, max_leaves=4))))


def programs(attempts: st.SearchStrategy[int]) -> st.SearchStrategy[list[Statement]]:
    statement = st.one_of(
        *[st.builds(Await, expressions(attempts))] * 3,
        st.builds(Status, st.sampled_from(["one", "two"])),
        st.builds(Signal, KEYS, st.just(0)),
        st.just(Look()),
        st.just(Fail()),
    )
    return st.lists(statement, min_size=1, max_size=6)


some = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


@given(programs(st.just(0)), st.integers(0, 999))
@some
def test_the_sdk_agrees_on_random_programs(program: list[Statement], seed: int):
    code = interpreted(program)
    assert_agreement(code, played(code, seed=seed))


@given(programs(st.integers(1, 3)), st.integers(0, 999))
@some
def test_the_sdk_agrees_on_what_code_sees_of_retries(program: list[Statement], seed: int):
    code = interpreted(program)
    assert_agreement(code, played(code, seed=seed), decisions=False)
