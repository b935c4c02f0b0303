from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from samples.host_process import HostProcess


def paid_in(host: HostProcess, name: str, amount: int) -> None:
    assert host.http.post(f"/api/accounts/{name}", content=str(amount)).status_code == 202


def test_a_transfer_is_done_or_refused(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("bank_transfer")) as host:
        paid_in(host, "ada", 100)
        order = {"from": "ada", "to": "bob", "amount": 70}
        assert host.http.post("/api/transfers", json=order).text == "done, 30 left"
        assert host.http.post("/api/transfers", json=order).text == "refused"
        assert host.http.post("/api/audit", json=["ada", "bob"]).json() == 100


def test_no_audit_sees_a_transfer_that_is_half_done(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("bank_transfer")) as host:
        for name in ("ada", "bob", "cid"):
            paid_in(host, name, 100)
        pairs = [("ada", "bob"), ("bob", "ada"), ("bob", "cid"), ("cid", "ada")] * 4
        with ThreadPoolExecutor(6) as clients:
            transfers = [
                clients.submit(host.http.post, "/api/transfers", json={"from": a, "to": b, "amount": 5})
                for a, b in pairs
            ]
            sums = [host.http.post("/api/audit", json=["cid", "ada", "bob"]).json() for _ in range(5)]
            assert all(each.result().text.startswith("done") for each in transfers)
        assert sums == [300] * 5
