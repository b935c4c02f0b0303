"""Look, wait, look again; stop when the site is up or the time is over."""

from datetime import datetime, timedelta

import azure.durable_functions as df


def monitor(context: df.DurableOrchestrationContext):
    order = context.get_input()
    expires = context.current_utc_datetime + timedelta(seconds=order.get("expires_s", 6 * 3600))
    looks = 0
    while context.current_utc_datetime < expires:
        looks += 1
        status = yield context.call_activity("check_site", order["url"])
        context.set_custom_status({"looks": looks, "status": status})
        if status == 200:
            yield context.call_activity("send_alert", f"{order['url']} is up")
            return {"up": True, "looks": looks}
        yield context.create_timer(next_look(context, order.get("interval_s", 300), expires))
    return {"up": False, "looks": looks}


def next_look(context: df.DurableOrchestrationContext, interval_s: float, expires: datetime) -> datetime:
    return min(context.current_utc_datetime + timedelta(seconds=interval_s), expires)


main = df.Orchestrator.create(monitor)
