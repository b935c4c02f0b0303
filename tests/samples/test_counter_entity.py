from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from samples.host_process import HostProcess, eventually


def test_every_signal_is_counted_and_a_settlement_starts_anew(copied: Callable[[str], Path]) -> None:
    with HostProcess(copied("counter_entity")) as host:
        assert host.http.get("/api/counters/visits").status_code == 404
        with ThreadPoolExecutor(4) as senders:
            sent = [senders.submit(host.http.post, "/api/counters/visits", content=str(n)) for n in range(1, 21)]
        assert [each.result().status_code for each in sent] == [202] * 20
        counted = str(sum(range(1, 21)))
        eventually(lambda: host.http.get("/api/counters/visits").text == counted or None, what="the sum of all signals")
        assert host.http.post("/api/counters/visits/settle").json() == 210
        assert host.http.get("/api/counters/visits").text == "0"


def test_a_count_survives_the_death_of_its_host(copied: Callable[[str], Path]) -> None:
    folder = copied("counter_entity")
    killed = HostProcess(folder).__enter__()
    assert killed.http.post("/api/counters/visits", content="7").status_code == 202
    killed.kill()
    killed.http.close()
    with HostProcess(folder) as host:
        eventually(lambda: host.http.get("/api/counters/visits").text == "7" or None, what="the count of before")
