"""POST a text, get the links to follow its count."""

import azure.durable_functions as df
import azure.functions as func


async def main(req: func.HttpRequest, starter: str) -> func.HttpResponse:
    client = df.DurableOrchestrationClient(starter)
    instance_id = await client.start_new("word_count", client_input=req.get_body().decode())
    return client.create_check_status_response(req, instance_id)
