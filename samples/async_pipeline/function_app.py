"""Import a feed: download it with patience, count its pages side by side, let it settle, publish the result.

The orchestrator is an ``async def``: it awaits durable tasks, and helpers that do.
"""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import feeds

from funchost import OrchestrationContext, RetryPolicy

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

PATIENT = RetryPolicy(
    first_retry_interval=timedelta(milliseconds=200),
    max_number_of_attempts=5,
    backoff_coefficient=2,
    max_retry_interval=timedelta(seconds=30),
    retry_timeout=timedelta(minutes=10),
    non_retriable=[feeds.NoSuchFeed],
)


@app.route(route="imports/{feed}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_import(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """``?settle=<seconds>`` is how long the pages rest before they are published."""
    order = {"feed": req.route_params["feed"], "settle_s": float(req.params.get("settle", "0"))}
    instance_id = await client.start_new("import_feed", client_input=order)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
async def import_feed(context: OrchestrationContext) -> dict[str, Any]:
    order = context.get_input(dict)
    context.set_custom_status("downloading")
    try:
        pages = await context.call_activity_with_retry(download, PATIENT, order["feed"])
    except Exception as error:
        # The text is that of Azure Functions; the class of the original error comes beside it.
        if getattr(error, "error_type", None) == "NoSuchFeed":
            return {"feed": order["feed"], "status": "unknown"}
        raise
    context.set_custom_status("counting")
    words = await count_all(context, pages)
    context.set_custom_status("settling")
    await context.create_timer(timedelta(seconds=order["settle_s"]))
    return await context.call_activity(publish, {"feed": order["feed"], "words": words})


async def count_all(context: OrchestrationContext, pages: list[str]) -> int:
    """All pages at once; what asyncio.gather is to a coroutine, task_all is to an orchestrator."""
    counts = await context.task_all([context.call_activity(count_words, page) for page in pages])
    return sum(counts)


@app.activity_trigger(input_name="feed")
def download(feed: str) -> list:
    return feeds.pages_of(feed)


@app.activity_trigger(input_name="page")
def count_words(page: str) -> int:
    return len(page.split())


@app.activity_trigger(input_name="result")
def publish(result: dict) -> dict:
    return {**result, "status": "published"}
