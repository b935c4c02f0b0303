from collections.abc import Callable
from pathlib import Path

import pytest

from samples.host_process import HostProcess, eventually

REQUEST = {"what": "a new laptop", "approver": "Ada"}


@pytest.mark.parametrize(("approved", "outcome"), [(True, "approved"), (False, "rejected")])
def test_the_decision_of_a_person_ends_the_request(copied: Callable[[str], Path], approved: bool, outcome: str) -> None:
    with HostProcess(copied("approval")) as host:
        instance = host.start("/api/approvals", REQUEST)
        eventually(lambda: host.status(instance)["customStatus"], what="the request to wait")
        assert host.http.post(f"/api/approvals/{instance}", json={"approved": approved}).status_code == 202
        assert host.finished(instance)["output"] == outcome
        assert host.http.post(f"/api/approvals/{instance}", json={"approved": True}).status_code == 409


def test_nobody_decides_and_it_is_escalated_after_two_reminders(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("approval"), settings={"REMIND_AFTER_SECONDS": "0.1"}) as host:
        assert host.finished(host.start("/api/approvals", REQUEST))["output"] == "escalated"
        eventually(lambda: "telling the boss of Ada" in host.output() or None, what="the line of the escalation")
        assert host.output().count("please decide about a new laptop") == 3


def test_a_decision_about_nothing_is_refused(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("approval")) as host:
        assert host.http.post("/api/approvals/none", json={"approved": True}).status_code == 404
        assert host.http.post("/api/approvals", json={}).status_code == 400
