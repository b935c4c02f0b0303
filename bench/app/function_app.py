"""funchost's side of the benchmark: the peers' workloads as a plain function app."""

import time

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello")
async def hello(req: func.HttpRequest) -> str:
    return f"Hello {req.params.get('name', 'world')}"


@app.activity_trigger(input_name="value")
def add_one(value: int) -> int:
    return value + 1


@app.activity_trigger(input_name="value")
async def add_one_async(value: int) -> int:
    return value + 1


@app.activity_trigger(input_name="seconds")
def burn(seconds: float) -> int:
    """Pure Python all the way: the interpreter lock is let go only when it is taken away."""
    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
    return rounds


@app.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext):
    value = 0
    for _ in range(context.get_input()):
        value = yield context.call_activity(add_one, value)
    return value


@app.orchestration_trigger(context_name="context")
def chain_async(context: df.DurableOrchestrationContext):
    value = 0
    for _ in range(context.get_input()):
        value = yield context.call_activity(add_one_async, value)
    return value


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext):
    results = yield context.task_all([context.call_activity(add_one, n) for n in range(context.get_input())])
    return sum(results)


@app.orchestration_trigger(context_name="context")
def busy(context: df.DurableOrchestrationContext):
    return (yield context.call_activity(burn, context.get_input()))
