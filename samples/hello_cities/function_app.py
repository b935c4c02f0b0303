"""Function chaining: an orchestrator greets one city after the other."""

import logging
import os
import time

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

CITIES = ["Tokyo", "Seattle", "Cairo"]


@app.route(route="hello_cities", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start an orchestration; the body may be a JSON list of cities. Answers 202 with the links to follow it."""
    try:
        cities = req.get_json()
    except ValueError:
        cities = CITIES
    instance_id = await client.start_new("hello_cities", client_input=cities)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def hello_cities(context: df.DurableOrchestrationContext):
    greetings = []
    for city in context.get_input() or CITIES:
        greetings.append((yield context.call_activity("say_hello", city)))
        context.set_custom_status(f"{len(greetings)} greeted")
    return greetings


@app.activity_trigger(input_name="city")
def say_hello(city: str) -> str:
    logging.info("Greeting %s", city)
    # Slow on purpose when asked: time to stop the host in the middle and watch it carry on.
    time.sleep(float(os.environ.get("GREETING_SECONDS", "0")))
    return f"Hello {city}!"
