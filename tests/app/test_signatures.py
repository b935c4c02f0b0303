"""Parameters and annotations against bindings."""

import pytest

from app.loader import Loader

HTTP = '@app.route(route="x")\n'
OUT = '@app.generic_output_binding(arg_name="out", type="queue", queueName="q")\n'


@pytest.mark.parametrize(
    "function",
    [
        HTTP + "def f(req): ...",
        HTTP + "def f(req: func.HttpRequest) -> func.HttpResponse: ...",
        HTTP + "def f(req: 'func.HttpRequest') -> str: ...",
        HTTP + "def f(req: func.HttpRequest, context): ...",
        HTTP + "def f(req: func.HttpRequest, context: func.Context): ...",
        HTTP + "def f(req: func.HttpRequest | None) -> str | func.HttpResponse: ...",
        OUT + HTTP + "def f(req, out): ...",
        OUT + HTTP + "def f(req, out: func.Out[str]): ...",
        OUT + HTTP + "def f(req, out: func.Out[func.QueueMessage]): ...",
        '@app.activity_trigger(input_name="x")\ndef f(x: dict[str, int] | None) -> list[int]: ...',
        '@app.activity_trigger(input_name="x")\ndef f(x: int = 3): ...',
        '@app.orchestration_trigger(context_name="context")\ndef f(anything: 123): ...',
        '@app.entity_trigger(context_name="context")\ndef f(anything: "Nowhere"): ...',
    ],
)
def test_what_can_be_converted_loads(loader: Loader, function: str):
    assert loader.one(function + "\n").problem is None


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (HTTP + "def f(request): ...", "parameters without a binding: request; bindings without a parameter: req"),
        (HTTP + "def f(req, extra=1): ...", "parameters without a binding: extra"),
        (HTTP + "def f(): ...", "bindings without a parameter: req"),
        (HTTP + "def f(req, context: int): ...", "parameter 'context' must be annotated azure.functions.Context"),
        (HTTP + "def f(req: str): ...", "parameter 'req' is annotated str; httpTrigger cannot be that"),
        (HTTP + "def f(req: int): ...", "parameter 'req' is annotated int; httpTrigger cannot be that"),
        (HTTP + "def f(req: func.HttpResponse): ...", "parameter 'req' is annotated HttpResponse"),
        (HTTP + "def f(req: func.Out[func.HttpRequest]): ...", "parameter 'req' cannot be annotated Out"),
        (HTTP + "def f(req: 123): ...", "parameter 'req' is annotated with 123, which is not a type"),
        (HTTP + "def f(req: 'Nowhere'): ...", "an annotation cannot be resolved: NameError"),
        (HTTP + "def f(req) -> int: ...", "the return annotation int does not fit the http output"),
        (HTTP + "def f(req) -> dict[str, int]: ...", "does not fit the http output"),
        (HTTP + "def f(req) -> 123: ...", "the return annotation 123 is not a type"),
        (OUT + HTTP + "def f(req, out: str): ...", "parameter 'out' must be annotated azure.functions.Out"),
        (OUT + HTTP + "def f(req, out: func.Out): ...", "Out takes exactly one type"),
        (OUT + HTTP + "def f(req, out: func.Out[func.HttpRequest]): ...", "queue cannot be that"),
    ],
)
def test_what_cannot_be_is_a_problem_with_file_line_and_name(loader: Loader, function: str, told: str):
    app = loader.script(f"{function}\n@app.route()\ndef good(req): ...\n")
    bad, good = app.functions
    assert good.runs
    assert bad.problem is not None
    assert bad.problem.startswith(f"{loader.root / 'function_app.py'}:4: cannot load the f function: ")
    assert told in bad.problem
    assert app.mistakes == (bad.problem,)


def test_a_broken_http_function_keeps_its_route(loader: Loader):
    function = loader.one('@app.route(route="there")\ndef f(): ...\n')
    assert function.trigger.get("route") == "there"
    with pytest.raises(RuntimeError, match="cannot load the f function"):
        function.call()


def test_a_disabled_function_is_not_asked_to_be_mended(loader: Loader):
    app = loader.script("@app.route()\ndef f(): ...\n", environ={"AzureWebJobs.f.Disabled": "1"})
    assert app.functions[0].problem is not None
    assert app.mistakes == ()
