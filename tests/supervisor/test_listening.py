import re
import socket
import threading

import pytest

from funchost.errors import ConfigError
from funchost.supervisor.listening import listen, listen_for_clients


def port_of(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


def test_port_0_takes_a_free_one():
    with listen("127.0.0.1", 0) as opened:
        assert port_of(opened) > 0


def test_a_busy_port_is_named_with_the_remedy():
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(ConfigError, match=f"Port {port_of(first)} is in use.*another port with --port"),
    ):
        listen("127.0.0.1", port_of(first))


def test_another_funchost_on_the_port_is_recognised():
    with listen("127.0.0.1", 0) as first:

        def answer() -> None:
            connection, _ = first.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nServer: funchost\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(ConfigError, match="in use by another funchost"):
            listen("127.0.0.1", port_of(first))


@pytest.mark.parametrize("address", ["example.org", "1.2.3", ""])
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(ConfigError, match=re.escape(f"--address {address} is not an IP address")):
        listen(address, 0)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", 0)


def free_port() -> int:
    with listen("127.0.0.1", 0) as probe:
        return port_of(probe)


def test_clients_find_the_host_at_their_usual_port_when_it_is_free():
    port = free_port()
    with listen_for_clients(preferred=port) as opened:
        assert opened.getsockname() == ("127.0.0.1", port)


def test_the_endpoint_of_clients_moves_when_its_port_is_taken():
    with listen("127.0.0.1", 0) as first, listen_for_clients(preferred=port_of(first)) as second:
        assert 30000 <= port_of(second) <= 30999


def test_after_ten_ports_the_host_does_not_start():
    draws: list[float] = []

    def chance() -> float:
        draws.append(0.5)
        return 0.5

    with (
        listen("127.0.0.1", 0) as first,
        listen_for_clients(preferred=port_of(first), chance=lambda: 0.5),
        pytest.raises(ConfigError, match=f"free port {port_of(first)}"),
    ):
        listen_for_clients(preferred=port_of(first), chance=chance)
    assert len(draws) == 9
