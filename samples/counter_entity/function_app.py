"""A durable entity: counters with names, changed by signals, read and reset by an orchestration."""

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext):
    """Operations: ``add`` (a number), ``get``, ``reset`` and ``delete``."""
    count = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            count += context.get_input()
        case "reset":
            count = 0
        case "get":
            context.set_result(count)
            return
        case "delete":
            context.destruct_on_exit()
            return
        case other:
            raise ValueError(f"a counter has no operation {other!r}")
    context.set_state(count)
    context.set_result(count)


@app.route(route="counters/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def add(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Add to a counter: the body is a number, 1 when there is none. Nobody waits for the sum."""
    try:
        amount = int(req.get_body() or b"1")
    except ValueError:
        return func.HttpResponse("send a number", status_code=400)
    # The client leaves out an input that is false in Python's eyes; a counter can do without a zero.
    if amount:
        await client.signal_entity(df.EntityId("counter", req.route_params["name"]), "add", amount)
    return func.HttpResponse(status_code=202)


@app.route(route="counters/{name}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """What the counter had after its last operation."""
    found = await client.read_entity_state(df.EntityId("counter", req.route_params["name"]))
    if not found.entity_exists:
        return func.HttpResponse("nothing was counted under that name", status_code=404)
    return func.HttpResponse(str(found.entity_state))


@app.route(route="counters/{name}/settle", methods=["POST"])
@app.durable_client_input(client_name="client")
async def settle(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Read and reset, by an orchestration that waits for both."""
    instance_id = await client.start_new("settle_counter", client_input=req.route_params["name"])
    return await client.wait_for_completion_or_create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def settle_counter(context: df.DurableOrchestrationContext):
    name = df.EntityId("counter", context.get_input())
    total = yield context.call_entity(name, "get")
    yield context.call_entity(name, "reset")
    return total
