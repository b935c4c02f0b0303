"""Watch sites for as long as you like, with ``call_http``: no activity sends a request here.

watch_sites: check all sites side by side -> tell what has changed -> rest -> the same anew, on a fresh history
"""

import logging
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="watch", methods=["POST"])
@app.durable_client_input(client_name="client")
async def watch(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Body: ``{"sites": [url, ...], "interval_s": 60, "looks": 1440}``."""
    instance_id = await client.start_new("watch_sites", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def watch_sites(context: df.DurableOrchestrationContext):
    """One look at all sites; ``known`` is what the look before has seen."""
    order = context.get_input()
    checks = yield context.task_all([context.call_sub_orchestrator("check_site", url) for url in order["sites"]])
    seen = dict(zip(order["sites"], checks, strict=True))
    looks = order.get("looks", 1440) - 1
    context.set_custom_status({"seen": seen, "looks_left": looks})

    known = order.get("known", {})
    for url, state in seen.items():
        if known.get(url) != state:
            yield context.call_activity("tell", f"{url}: {known.get(url, 'not seen before')} -> {state}")

    if looks <= 0:
        return seen
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=order.get("interval_s", 60)))
    context.continue_as_new({**order, "looks": looks, "known": seen})


@app.orchestration_trigger(context_name="context")
def check_site(context: df.DurableOrchestrationContext):
    """``up``, or what is wrong. No status raises: only a request without any answer does."""
    try:
        answer = yield context.call_http("GET", context.get_input(), headers={"Accept": "text/html"})
    except Exception:  # noqa: BLE001 - what a task fails with is an Exception and nothing more
        return "no answer"
    status = answer["statusCode"]
    return "up" if 200 <= status < 300 else f"status {status}"


@app.activity_trigger(input_name="text")
def tell(text: str) -> str:
    """Tell somebody; here, the log."""
    logging.warning("%s", text)
    return text
