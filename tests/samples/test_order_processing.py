from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samples.host_process import HostProcess, eventually

Copied = Callable[[str], Path]
ORDER = {"id": "o1", "item": "book", "quantity": 2, "amount": 30, "card": "good"}


@contextmanager
def shop(copied: Copied, **times: str) -> Generator[HostProcess]:
    """The sample with short times, unless ``times`` says otherwise, and books of its own."""
    folder = copied("order_processing")
    settings = {
        "LEDGER_PATH": str(folder / "ledger.db"),
        "REVIEW_TIMEOUT_SECONDS": "60",
        "FOLLOW_UP_SECONDS": "0.2",
        "PAYMENT_RETRY_SECONDS": "0.05",
    }
    with HostProcess(folder, settings=settings | times) as host:
        yield host


def show(host: HostProcess, order_id: str) -> dict[str, Any]:
    reply = host.http.get(f"/api/orders/{order_id}")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def reach(host: HostProcess, order_id: str, stage: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        order = show(host, order_id)
        return order if order["stage"] == stage else None

    return eventually(look, what=f"order {order_id} at stage {stage!r}")


def decide(host: HostProcess, order_id: str, *, approved: bool) -> None:
    reach(host, order_id, "waiting for review")
    reply = host.http.post(f"/api/orders/{order_id}/review", json={"approved": approved})
    assert reply.status_code == 202, reply.text


def test_an_approved_order_is_shipped_and_followed_up(copied: Copied) -> None:
    with shop(copied) as host:
        order_id = host.start("/api/orders", ORDER)
        decide(host, order_id, approved=True)
        assert host.finished(order_id)["output"] == "completed"
        assert show(host, order_id)["ledger"] == {
            "reservation": "deducted",
            "payment": "paid",
            "attempts": 1,
            "mails": ["Order shipped", "How was it?"],
        }


def test_a_rejected_order_is_refunded_and_put_back(copied: Copied) -> None:
    with shop(copied) as host:
        order_id = host.start("/api/orders", ORDER)
        decide(host, order_id, approved=False)
        assert host.finished(order_id)["output"] == "rejected"
        books = show(host, order_id)["ledger"]
        assert (books["reservation"], books["payment"]) == ("released", "refunded")
        assert books["mails"] == ["Order rejected"]


def test_an_order_that_nobody_reviews_in_time_is_undone(copied: Copied) -> None:
    with shop(copied, REVIEW_TIMEOUT_SECONDS="0.3") as host:
        order_id = host.start("/api/orders", ORDER)
        assert host.finished(order_id)["output"] == "timed out"
        books = show(host, order_id)["ledger"]
        assert (books["reservation"], books["payment"]) == ("released", "refunded")


def test_a_payment_that_fails_at_first_is_tried_again(copied: Copied) -> None:
    with shop(copied) as host:
        order_id = host.start("/api/orders", ORDER | {"card": "flaky"})
        decide(host, order_id, approved=True)
        assert host.finished(order_id)["output"] == "completed"
        assert show(host, order_id)["ledger"]["attempts"] == 3


def test_a_payment_that_fails_for_good_undoes_the_reservation(copied: Copied) -> None:
    with shop(copied) as host:
        order_id = host.start("/api/orders", ORDER | {"card": "declined"})
        status = host.finished(order_id)
        assert status["runtimeStatus"] == "Failed"
        assert "order o1 was undone" in status["output"]
        assert "card 'declined' was refused" in status["output"]
        books = show(host, order_id)["ledger"]
        assert (books["reservation"], books["payment"], books["attempts"]) == ("released", "open", 3)
        assert books["mails"] == ["Order failed"]


def test_an_order_of_more_than_there_is_ends_at_once(copied: Copied) -> None:
    with shop(copied) as host:
        order_id = host.start("/api/orders", ORDER | {"item": "vase"})
        assert host.finished(order_id)["output"] == "out of stock"
        assert show(host, order_id)["ledger"]["mails"] == ["Out of stock"]


def test_the_follow_up_waits_for_its_time(copied: Copied) -> None:
    with shop(copied, FOLLOW_UP_SECONDS="86400") as host:
        order_id = host.start("/api/orders", ORDER)
        decide(host, order_id, approved=True)
        order = reach(host, order_id, "shipped")
        assert order["status"] == "Running"
        assert order["ledger"]["mails"] == ["Order shipped"]
