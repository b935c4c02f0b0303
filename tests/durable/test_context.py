"""The orchestration context: facts, names, custom status, ids, types, and what is refused at the call."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import azure.durable_functions as df
import pytest

from durable.driver import Activities, failure_of, play, raised, result_of, settle
from durable.releases import needs_central_codec
from funchost.durable.execution import EngineSettings
from funchost.durable.status import RuntimeStatus

ACTIVITIES: Activities = {"echo": lambda value: value}


@dataclass
class Order:
    number: int

    @staticmethod
    def to_json(order: "Order") -> str:
        return json.dumps({"number": order.number})

    @staticmethod
    def from_json(text: str) -> "Order":
        return Order(**json.loads(text))


# --- facts ------------------------------------------------------------------------------------------


def test_the_context_is_an_instance_of_the_sdk_s_class():
    assert result_of(lambda context: isinstance(context, df.DurableOrchestrationContext)) is True


def test_facts_of_an_instance_without_a_parent():
    def main(context: Any) -> Any:
        return [context.instance_id, context.parent_instance_id, context.version, context.will_continue_as_new]

    assert result_of(main) == ["it", None, "", False]


def test_the_function_context_shows_the_polling_interval():
    def main(context: Any) -> Any:
        return context.function_context.defaultHttpAsyncRequestSleepTimeMillseconds

    assert result_of(main, settings=EngineSettings(http_poll_ms=5)) == 5


@pytest.mark.parametrize("value", [0, "", False, [], {}, "text", 1.5, [1, {"a": None}]])
def test_the_input_arrives_as_it_was_given(value: Any):
    assert result_of(lambda context: context.get_input(), input_=value) == value


def test_every_look_at_the_input_gives_a_fresh_object():
    def main(context: Any) -> Any:
        first = context.get_input()
        first.append(2)
        return context.get_input()

    assert result_of(main, input_=[1]) == [1]


@pytest.mark.parametrize("value", [0, "text", [1, {"a": None}], {"a": "é"}])
def test_apps_that_parse_the_input_themselves_find_its_text(value: Any):
    assert result_of(lambda context: json.loads(context._input), input_=value) == value


def test_no_input_is_none():
    assert result_of(lambda context: context.get_input()) is None


# --- names ------------------------------------------------------------------------------------------


def decorated() -> dict[str, Any]:
    app = df.DFApp()

    @app.activity_trigger(input_name="order")
    def price(order: Order) -> Order:
        return order

    @app.orchestration_trigger(context_name="context")  # pyright: ignore[reportUntypedFunctionDecorator]  # the SDK's
    def ship(context: df.DurableOrchestrationContext) -> Any:
        return None

    return {"price": price, "ship": ship}


def test_a_decorated_function_is_called_by_its_python_name():
    builders = decorated()

    def main(context: Any) -> Any:
        yield context.call_sub_orchestrator(builders["ship"])
        return (yield context.call_activity(builders["price"], 3))

    assert result_of(main, activities={"price": lambda n: n + 1}, children={"ship": lambda context: None}) == 4


def test_a_decorated_function_registered_under_another_name_is_found_by_its_alias():
    builders = decorated()

    def main(context: Any) -> Any:
        return (yield context.call_activity(builders["price"], 3))

    played = play(main, activities={"GetPrice": lambda n: n}, aliases={"price": "GetPrice"})
    assert "TaskScheduled 0 GetPrice" in played.words


@pytest.mark.parametrize(("method", "wrong"), [("call_activity", "ship"), ("call_sub_orchestrator", "price")])
def test_a_function_of_another_kind_is_a_value_error_that_names_both(method: str, wrong: str):
    builders = decorated()

    def main(context: Any) -> Any:
        try:
            getattr(context, method)(builders[wrong])
        except ValueError as error:
            return str(error)
        yield

    text = result_of(main).lower()
    assert "`activitytrigger`" in text
    assert "`orchestrationtrigger`" in text


@pytest.mark.parametrize("name", ["", None, len, 5])
@pytest.mark.parametrize("method", ["call_activity", "call_sub_orchestrator"])
def test_what_is_no_name_is_a_value_error_in_user_code(method: str, name: Any):
    def main(context: Any) -> Any:
        try:
            getattr(context, method)(name)
        except ValueError:
            return "caught"
        yield

    assert result_of(main) == "caught"


def test_parameters_may_be_passed_by_keyword():
    def main(context: Any) -> Any:
        options = df.RetryOptions(1000, 2)
        a = yield context.call_activity(name="echo", input_=1)
        b = yield context.call_activity_with_retry(name="echo", retry_options=options, input_=2)
        c = yield context.call_sub_orchestrator(name="child", input_=3, instance_id="kid", version="1")
        d = yield context.call_sub_orchestrator_with_retry(
            name="child", retry_options=options, input_=4, instance_id="kid2", version="1"
        )
        yield context.create_timer(fire_at=context.current_utc_datetime)
        e = yield context.wait_for_external_event(name="go")
        yield context.task_all(activities=[])
        context.set_custom_status(status="s")
        return [a, b, c, d, e]

    played = play(main, raised("go", 5), activities=ACTIVITIES, children={"child": lambda context: context.get_input()})
    assert played.output == [1, 2, 3, 4, 5]


# --- types ------------------------------------------------------------------------------------------


def test_custom_objects_cross_inputs_activities_children_and_continue_as_new():
    def child(context: Any) -> Any:
        return context.get_input().number

    def main(context: Any) -> Any:
        order = context.get_input()
        assert isinstance(order, Order)
        again = yield context.call_activity("increase", order)
        number = yield context.call_sub_orchestrator("child", again)
        if number < 3:
            context.continue_as_new(again)
            return None
        return number

    def increase(order: Order) -> Order:
        return Order(order.number + 1)

    assert result_of(main, input_=Order(1), activities={"increase": increase}, children={"child": child}) == 3


def test_the_expected_type_of_a_call_decodes_its_result(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")

    def main(context: Any) -> Any:
        order = yield context.call_activity("order", expected_type=Order)
        event = yield context.wait_for_external_event("go", expected_type=Order)
        return [order.number, event.number]

    marker = {"__class__": "Order", "__module__": __name__, "__data__": '{"number": 6}'}
    assert result_of(main, raised("go", marker), activities={"order": lambda argument: Order(5)}) == [5, 6]


TWICE = df.RetryOptions(1, 2)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("call_activity", ("order",)),
        ("call_activity_with_retry", ("order", TWICE)),
        ("call_sub_orchestrator", ("order",)),
        ("call_sub_orchestrator_with_retry", ("order", TWICE)),
    ],
)
def test_every_kind_of_call_takes_the_type_of_its_result(monkeypatch: pytest.MonkeyPatch, method: str, arguments: Any):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")

    def order(context: Any) -> Any:
        return {"__class__": "Order", "__module__": __name__, "__data__": '{"number": 7}'}

    def main(context: Any) -> Any:
        return (yield getattr(context, method)(*arguments, expected_type=Order)).number

    assert result_of(main, activities={"order": lambda argument: Order(7)}, children={"order": order}) == 7


@needs_central_codec
def test_without_strict_typing_the_stored_class_comes_whatever_was_expected():
    def main(context: Any) -> Any:
        return type(context.get_input(expected_type=dict)).__name__

    assert result_of(main, input_=Order(4), input_types={"main": int}) == "Order"


@needs_central_codec
def test_the_input_type_of_the_trigger_counts_unless_the_call_names_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")

    def main(context: Any) -> Any:
        try:
            context.get_input(expected_type=dict)
        except TypeError:
            return context.get_input().number

    assert result_of(main, input_=Order(4), input_types={"main": Order}) == 4


def test_the_return_annotation_of_a_decorated_activity_is_its_expected_type(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")
    builders = decorated()

    def main(context: Any) -> Any:
        order = yield context.call_activity(builders["price"])
        return order.number

    assert result_of(main, activities={"price": lambda argument: Order(9)}) == 9


@needs_central_codec
@pytest.mark.parametrize("method", ["call_activity", "call_sub_orchestrator"])
def test_strict_typing_refuses_a_marker_that_nobody_expects(monkeypatch: pytest.MonkeyPatch, method: str):
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", "1")

    def order(context: Any) -> Any:
        return {"__class__": "Order", "__module__": __name__, "__data__": '{"number": 9}'}

    def main(context: Any) -> Any:
        try:
            yield getattr(context, method)("order")
        except Exception:
            return "caught"

    text = failure_of(main, activities={"order": lambda argument: Order(9)}, children={"order": order})
    assert text.startswith("Orchestrator function 'main' failed: ")


# --- custom status ----------------------------------------------------------------------------------


def test_the_custom_status_holds_until_another_is_set():
    def main(context: Any) -> Any:
        before = context.custom_status
        context.set_custom_status({"step": 1})
        yield context.call_activity("echo", 1)
        yield context.call_activity("echo", 2)
        return [before, context.custom_status]

    played = play(main, activities=ACTIVITIES)
    assert (played.output, played.custom_status) == ([None, {"step": 1}], {"step": 1})
    changes = [episode.outcome.status for episode in played.hosted.episodes]
    assert [change is not None for change in changes] == [True, False, True]


def test_a_later_status_takes_the_place_of_an_earlier_one():
    def main(context: Any) -> Any:
        for city in ("Tokyo", "Seattle"):
            yield context.wait_for_external_event("go")
            context.set_custom_status(city)
        yield context.wait_for_external_event("go")

    one, two = (play(main, *(raised("go"), settle) * count) for count in (1, 2))
    assert (one.custom_status, two.custom_status) == ("Tokyo", "Seattle")
    assert two.status is RuntimeStatus.RUNNING


def test_a_falsy_status_shows_none():
    def main(context: Any) -> Any:
        context.set_custom_status("on")
        yield context.call_activity("echo", 1)
        context.set_custom_status("")

    played = play(main, activities=ACTIVITIES)
    assert (played.status, played.custom_status) == (RuntimeStatus.COMPLETED, None)


def test_a_status_may_be_a_custom_object():
    played = play(lambda context: context.set_custom_status(Order(1)))
    assert played.custom_status["__data__"] == '{"number": 1}'


def test_a_status_that_cannot_be_serialised_raises_at_the_call():
    def main(context: Any) -> Any:
        try:
            context.set_custom_status(object())
        except TypeError:
            return "caught"

    assert result_of(main) == "caught"


@pytest.mark.parametrize(("length", "fits"), [(17 * 512 - 3, True), (17 * 512 - 2, False)])
def test_a_status_above_16_kb_of_utf_16_is_refused(length: int, fits: bool):
    def main(context: Any) -> Any:
        context.set_custom_status("x" * length)

    if fits:
        assert play(main).status is RuntimeStatus.COMPLETED
    else:
        assert failure_of(main) == (
            "Orchestrator function 'main' failed: The UTF-16 size of the JSON-serialized payload must not exceed "
            "16 KB. The current payload size is 17 KB."
        )


# --- ids --------------------------------------------------------------------------------------------


def test_ids_come_from_instance_time_and_one_shared_counter():
    def main(context: Any) -> Any:
        first = [context.new_uuid(), context.new_guid(), context.new_uuid()]
        assert isinstance(first[1], UUID)
        yield context.call_activity("echo", 1)
        return [str(value) for value in (*first, context.new_guid())]

    namespace = UUID("5bf3dc27-d91d-5ea7-9c3e-9f1f2ae7c309")
    expected = [
        uuid5(namespace, "it_2024-01-01T00:00:00.000000Z_0"),
        uuid5(NAMESPACE_URL, "it_2024-01-01 00:00:00+00:00_1"),
        uuid5(namespace, "it_2024-01-01T00:00:00.000000Z_2"),
        uuid5(NAMESPACE_URL, "it_2024-01-01 00:00:00.001000+00:00_3"),
    ]
    assert result_of(main, activities=ACTIVITIES) == [str(value) for value in expected]


# --- what code may do around the engine ---------------------------------------------------------------


def test_a_base_exception_of_the_author_s_own_passes_through_calls_unchanged():
    class UnwindError(BaseException):
        pass

    def deep(context: Any) -> Any:
        context.call_activity("echo", 1)
        raise UnwindError

    def outer(context: Any) -> Any:
        task = None
        try:
            deep(context)
        except UnwindError:
            task = context.call_activity("echo", "unwound")
        return (yield task)

    assert result_of(outer, activities=ACTIVITIES) == "unwound"


def test_a_wrapper_that_ends_after_its_newest_task_sees_its_answer_in_the_history():
    """Some libraries run the author's code anew each time and read answers from the history alone."""

    def wrapper(context: Any) -> Any:
        answers = [json.loads(event.Result) for event in context.histories if event.event_type == 5]
        tasks: list[Any] = []

        def ask(question: str) -> Any:
            tasks.append(context.call_activity("echo", question))
            if len(tasks) > len(answers):
                raise LookupError
            return answers[len(tasks) - 1]

        def drive() -> Any:
            try:
                output = [ask("a"), ask("b"), ask("c")]
            except LookupError:
                output = None
            yield from ordered(tasks)
            return output

        def ordered(asked: list[Any]) -> Any:
            return (task for task in asked)

        return drive()

    assert result_of(wrapper, activities=ACTIVITIES) == ["a", "b", "c"]


# --- what cannot be serialised ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["call_activity", "call_sub_orchestrator", "continue_as_new"])
def test_an_input_that_cannot_be_serialised_raises_at_the_call_and_names_the_part(method: str):
    def main(context: Any) -> Any:
        arguments = [] if method == "continue_as_new" else ["echo"]
        try:
            getattr(context, method)(*arguments, {"items": [1, {2}]})
        except TypeError as error:
            return str(error)

    assert result_of(main).startswith("input['items'][1]: ")


def test_an_output_that_cannot_be_serialised_fails_the_instance_and_names_the_part():
    assert failure_of(lambda context: {"orders": [Order(1)]}) == (
        "Orchestrator function 'main' failed: output['orders'][0]: Object of type Order is not JSON serializable"
    )


def test_a_result_that_cannot_be_serialised_fails_the_activity_and_names_the_part():
    def main(context: Any) -> Any:
        yield context.call_activity("sets")

    text = failure_of(main, activities={"sets": lambda argument: {"a": {1}}})
    assert "ValueError: activity trigger output must be json serializable ({'a': {1}}): result['a']: " in text
