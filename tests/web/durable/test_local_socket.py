import socket

import pytest

from funchost.errors import ConfigError
from funchost.web.durable.local_socket import bind_rpc_socket, rpc_base_url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_preferred_port_is_taken_when_it_is_free():
    port = free_port()
    with bind_rpc_socket(preferred=port) as sock:
        assert rpc_base_url(sock) == f"http://127.0.0.1:{port}/durabletask/"


def test_a_taken_port_is_replaced_by_a_random_one():
    port = free_port()
    with bind_rpc_socket(preferred=port), bind_rpc_socket(preferred=port) as second:
        assert 30000 <= second.getsockname()[1] <= 30999


def test_after_ten_ports_the_host_does_not_start():
    port = free_port()
    draws: list[float] = []

    def chance() -> float:
        draws.append(0.5)
        return 0.5

    with (
        bind_rpc_socket(preferred=port),
        bind_rpc_socket(preferred=30500),
        pytest.raises(ConfigError, match=f"free port {port}"),
    ):
        bind_rpc_socket(preferred=port, chance=chance)
    assert len(draws) == 9
