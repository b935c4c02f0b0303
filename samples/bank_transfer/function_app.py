"""A critical section: money goes from one account to another, and nobody sees it on both or on neither."""

import azure.durable_functions as df
import azure.functions as func

from funchost import OrchestrationContext

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity_trigger(context_name="context")
def account(context: df.DurableEntityContext):
    """Operations: ``deposit`` and ``withdraw`` (an amount), ``balance``."""
    balance = context.get_state(lambda: 0)
    amount = context.get_input() or 0
    if context.operation_name == "deposit":
        balance += amount
    elif context.operation_name == "withdraw":
        if amount > balance:
            raise ValueError(f"the balance is {balance}, which is less than {amount}")
        balance -= amount
    context.set_state(balance)
    context.set_result(balance)


@app.orchestration_trigger(context_name="context")
def transfer(context: OrchestrationContext):
    order = context.get_input()
    source, target = df.EntityId("account", order["from"]), df.EntityId("account", order["to"])
    # Whatever order transfers name the accounts in, the locks are taken in one order: they cannot wait for each other.
    with (yield context.lock(source, target)):
        if (yield context.call_entity(source, "balance")) < order["amount"]:
            return "refused"
        left, _ = yield context.task_all(
            [
                context.call_entity(source, "withdraw", order["amount"]),
                context.call_entity(target, "deposit", order["amount"]),
            ]
        )
        return f"done, {left} left"


@app.orchestration_trigger(context_name="context")
def audit(context: OrchestrationContext):
    """The sum of all accounts, in which no transfer is half done."""
    accounts = [df.EntityId("account", name) for name in context.get_input()]
    with (yield context.lock(*accounts)):
        return sum((yield context.task_all([context.call_entity(each, "balance") for each in accounts])))


@app.route(route="accounts/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def deposit(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Pay in: the body is an amount."""
    try:
        amount = int(req.get_body())
    except ValueError:
        return func.HttpResponse("send an amount", status_code=400)
    await client.signal_entity(df.EntityId("account", req.route_params["name"]), "deposit", amount)
    return func.HttpResponse(status_code=202)


@app.route(route="transfers", methods=["POST"])
@app.durable_client_input(client_name="client")
async def order_transfer(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Transfer: ``{"from": "ada", "to": "bob", "amount": 10}``."""
    try:
        body = req.get_json()
        order = {"from": str(body["from"]), "to": str(body["to"]), "amount": int(body["amount"])}
    except (ValueError, KeyError, TypeError):
        return func.HttpResponse('send {"from": …, "to": …, "amount": …}', status_code=400)
    if order["from"] == order["to"] or order["amount"] <= 0:
        return func.HttpResponse("a transfer needs two accounts and an amount above 0", status_code=400)
    instance_id = await client.start_new("transfer", client_input=order)
    return await client.wait_for_completion_or_create_check_status_response(req, instance_id)


@app.route(route="audit", methods=["POST"])
@app.durable_client_input(client_name="client")
async def order_audit(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Add up: the body is a JSON list of accounts."""
    instance_id = await client.start_new("audit", client_input=req.get_json())
    return await client.wait_for_completion_or_create_check_status_response(req, instance_id)
