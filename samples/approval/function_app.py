"""Human interaction: a request waits for a person's decision, reminds them, and is escalated when nobody decides."""

import json
import logging
import os
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

REMIND_AFTER = timedelta(seconds=float(os.environ.get("REMIND_AFTER_SECONDS", "60")))
REMINDERS = 2


@app.route(route="approvals", methods=["POST"])
@app.durable_client_input(client_name="client")
async def ask(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Ask for an approval: ``{"what": "a new laptop", "approver": "Ada"}``."""
    try:
        request = req.get_json()
        asked = {"what": str(request["what"]), "approver": str(request["approver"])}
    except (ValueError, KeyError, TypeError):
        return func.HttpResponse('send {"what": …, "approver": …}', status_code=400)
    instance_id = await client.start_new("approval", client_input=asked)
    return client.create_check_status_response(req, instance_id)


@app.route(route="approvals/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def decide(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Decide: ``{"approved": true}``."""
    try:
        approved = bool(req.get_json()["approved"])
    except (ValueError, KeyError, TypeError):
        return func.HttpResponse('send {"approved": true} or {"approved": false}', status_code=400)
    instance_id = req.route_params["id"]
    status = await client.get_status(instance_id)
    if not status:
        return func.HttpResponse(f"there is no approval {instance_id}", status_code=404)
    if status.runtime_status is not df.OrchestrationRuntimeStatus.Running:
        return func.HttpResponse(f"it is decided: {status.output}", status_code=409)
    await client.raise_event(instance_id, "Decision", {"approved": approved})
    return func.HttpResponse(status_code=202)


@app.orchestration_trigger(context_name="context")
def approval(context: df.DurableOrchestrationContext):
    request = context.get_input()
    decision = context.wait_for_external_event("Decision")
    for reminders in range(REMINDERS + 1):
        context.set_custom_status({"waiting for": request["approver"], "reminders": reminders})
        yield context.call_activity("notify", {**request, "reminder": reminders})
        timer = context.create_timer(context.current_utc_datetime + REMIND_AFTER)
        winner = yield context.task_any([decision, timer])
        if winner == decision:
            # A timer that is not needed any more keeps the orchestration open until it is cancelled.
            timer.cancel()
            return "approved" if _is_approved(decision.result) else "rejected"
    yield context.call_activity("escalate", request)
    return "escalated"


def _is_approved(decision):
    """On Azure an event that the client raised arrives as JSON text, one raised over HTTP as the value."""
    if isinstance(decision, str):
        decision = json.loads(decision)
    return decision["approved"]


@app.activity_trigger(input_name="request")
def notify(request: dict) -> None:
    """Stands for a mail or a message in a chat."""
    logging.info("%s, please decide about %s (reminder %d)", request["approver"], request["what"], request["reminder"])


@app.activity_trigger(input_name="request")
def escalate(request: dict) -> None:
    logging.warning("Nobody has decided about %s; telling the boss of %s", request["what"], request["approver"])
