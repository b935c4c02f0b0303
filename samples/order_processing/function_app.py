"""An order from the shelf to the follow-up mail a day later, undone step by step when something fails.

reserve inventory -> pay (with retries) -> review by a person, at most 2 hours -> deduct -> mail -> follow-up mail
"""

import json
import os
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import ledger

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="orders", methods=["POST"])
@app.durable_client_input(client_name="client")
async def place_order(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Body: ``{"id", "item", "quantity", "amount", "card"}``."""
    # The times travel with the order: an orchestrator that read the settings itself would decide
    # otherwise on a replay after they have changed.
    times = {
        "review_s": float(os.environ.get("REVIEW_TIMEOUT_SECONDS", "7200")),
        "follow_up_s": float(os.environ.get("FOLLOW_UP_SECONDS", "86400")),
        "retry_s": float(os.environ.get("PAYMENT_RETRY_SECONDS", "5")),
    }
    order = req.get_json()
    instance_id = await client.start_new("process_order", order["id"], {"order": order, "times": times})
    return client.create_check_status_response(req, instance_id)


@app.route(route="orders/{order_id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def show_order(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Where the order stands and what the books say about it."""
    order_id = req.route_params["order_id"]
    status = await client.get_status(order_id)
    if not status:
        return func.HttpResponse("no such order", status_code=404)
    runtime_status = status.runtime_status.name if status.runtime_status else None
    answer = {
        "status": runtime_status,
        "stage": status.custom_status,
        "output": status.output,
        "ledger": ledger.entries(order_id),
    }
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")


@app.route(route="orders/{order_id}/review", methods=["POST"])
@app.durable_client_input(client_name="client")
async def review_order(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Body: ``{"approved": true}`` or false."""
    await client.raise_event(req.route_params["order_id"], "review", req.get_json())
    return func.HttpResponse(status_code=202)


@app.orchestration_trigger(context_name="context")
def process_order(context: df.DurableOrchestrationContext):
    given = context.get_input()
    order, times = given["order"], given["times"]
    order_id = order["id"]
    undo: list[str] = []
    try:
        context.set_custom_status("reserving")
        if not (yield context.call_activity("reserve_inventory", order)):
            yield context.call_activity("send_mail", {"order_id": order_id, "subject": "Out of stock"})
            return "out of stock"
        undo.append("release_inventory")

        context.set_custom_status("paying")
        retries = df.RetryOptions(max(1, int(times["retry_s"] * 1000)), 3)
        yield context.call_activity_with_retry("charge_payment", retries, order)
        undo.append("refund_payment")

        context.set_custom_status("waiting for review")
        verdict = yield from reviewed(context, within=timedelta(seconds=times["review_s"]))
        if verdict != "approved":
            yield from compensate(context, undo, order_id)
            yield context.call_activity("send_mail", {"order_id": order_id, "subject": f"Order {verdict}"})
            return verdict

        yield context.call_activity("deduct_inventory", order_id)
    except Exception as exc:
        yield from compensate(context, undo, order_id)
        yield context.call_activity("send_mail", {"order_id": order_id, "subject": "Order failed"})
        raise RuntimeError(f"order {order_id} was undone: {exc}") from exc

    yield context.call_activity("send_mail", {"order_id": order_id, "subject": "Order shipped"})
    context.set_custom_status("shipped")
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=times["follow_up_s"]))
    yield context.call_activity("send_mail", {"order_id": order_id, "subject": "How was it?"})
    return "completed"


def reviewed(context: df.DurableOrchestrationContext, *, within: timedelta):
    """``approved``, ``rejected``, or ``timed out`` when nobody has decided in time."""
    deadline = context.create_timer(context.current_utc_datetime + within)
    review = context.wait_for_external_event("review")
    winner = yield context.task_any([review, deadline])
    if winner is not review:
        return "timed out"
    if not deadline.is_completed:
        deadline.cancel()
    # An event raised through the client arrives as JSON text, one posted to the HTTP API as its value.
    verdict: Any = json.loads(review.result) if isinstance(review.result, str) else review.result
    return "approved" if verdict["approved"] else "rejected"


def compensate(context: df.DurableOrchestrationContext, undo: list[str], order_id: str):
    """Undo what was done, the last step first."""
    context.set_custom_status("undoing")
    for activity in reversed(undo):
        yield context.call_activity(activity, order_id)


@app.activity_trigger(input_name="order")
def reserve_inventory(order: dict) -> bool:
    return ledger.reserve(order["id"], order["item"], order["quantity"])


@app.activity_trigger(input_name="order")
def charge_payment(order: dict) -> str:
    ledger.charge(order["id"], order["amount"], order["card"])
    return "paid"


@app.activity_trigger(input_name="reference")
def deduct_inventory(reference: str) -> str:
    ledger.deduct(reference)
    return "deducted"


@app.activity_trigger(input_name="reference")
def release_inventory(reference: str) -> str:
    ledger.release(reference)
    return "released"


@app.activity_trigger(input_name="reference")
def refund_payment(reference: str) -> str:
    ledger.refund(reference)
    return "refunded"


@app.activity_trigger(input_name="mail")
def send_mail(mail: dict) -> str:
    ledger.send_mail(mail["order_id"], mail["subject"])
    return "sent"
