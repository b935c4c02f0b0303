"""What apps import from ``funchost``."""

import subprocess
import sys

import pytest

import funchost
from authoring import typed_app
from durable.driver import raised, result_of
from funchost.durable import context, retry
from funchost.durable.entities.context import EntityContext


def test_the_names_are_those_of_the_engine():
    assert funchost.OrchestrationContext is context.OrchestrationContext
    assert funchost.EntityContext is EntityContext
    assert funchost.RetryPolicy is retry.RetryPolicy
    assert set(funchost.__all__) <= set(dir(funchost))


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'funchost' has no attribute 'Retries'"):
        _ = funchost.Retries  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import funchost", ("azure", "asyncio", "msgspec", "funchost.durable")),
        ("from funchost import RetryPolicy", ("azure", "asyncio")),
    ],
)
def test_a_name_loads_no_more_than_it_needs(code: str, absent: tuple[str, ...]):
    program = f"import sys; {code}; print([name for name in {absent} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "[]\n"


def test_the_app_that_is_checked_for_its_types_runs():
    app = typed_app
    activities = {"price": app.price}
    children = {"child": app.child, "later": app.later}
    assert result_of(app.orchestrator, raised("go", 5), activities=activities, children=children)
